// SPDX-License-Identifier: GPL-2.0-or-later
// Private networks of devices, and what of the Internet they have.
import * as api from "./api.js";
import { confirm, field, form, input, view } from "./dialog.js";
import { h, icon, say } from "./dom.js";
import { load, mayWrite, store } from "./store.js";
import { t } from "./words.js";

const where = (net) => "/subnets" + api.path(net.name);

async function changed(text, notes) {
    await load();
    say(text);
    if (notes?.length) view(t("note"), notes.map((note) => h("p", { class: "notice" }, note)));
}

function add() {
    const network = field("network", t("network"), input({ placeholder: "10.60.0.0/24", class: "mono", required: true }), { hint: t("network-hint") });
    const name = field("name", t("name"), input({ maxlength: 32 }), { hint: t("optional") });
    form(t("add-subnet"), {
        parts: [network.element, name.element], fields: [network, name], action: t("add"),
        send: () => api.post("/subnets", { network: network.control.value.trim(), name: name.control.value.trim() }),
        done: (result) => changed(t("added", result.name)),
    });
    network.control.focus();
}

function edit(net, name, label, hint, value, body) {
    const control = field(name, label, input({ value, class: "mono" }), { hint });
    form(`${net.name}: ${label}`, {
        parts: [control.element], fields: [control], action: t("save"),
        send: () => api.patch(where(net), { [name]: body(control.control.value.trim()) }),
        done: (result) => changed(t("saved"), result?.notes),
    });
    control.control.select();
}

const drop = (net) => confirm(t("remove-what", net.name), t("remove-subnet-text"), t("remove"), () => api.remove(where(net)), () => changed(t("removed", net.name)));

function line(label, value, change) {
    return h("div", { class: "fact" }, h("dt", {}, label), h("dd", {}, h("span", { class: "mono wrap" }, value || t("none"))),
        mayWrite() && change && h("dd", {},
            h("button", { type: "button", class: "quiet small", "aria-label": t("change-what", label), onclick: change }, t("change"))));
}

function card(net) {
    return h("section", { class: "card" },
        h("div", { class: "split" }, h("h2", {}, net.name),
            mayWrite() && h("button", { type: "button", class: "quiet small danger-text", disabled: net.devices > 0, "aria-label": t("remove-what", net.name), onclick: () => drop(net) }, t("remove"))),
        h("dl", { class: "lines" },
            line(t("network"), net.network), line(t("server-address"), [net.server4, net.server6].filter(Boolean).join("  ")), line(t("devices"), String(net.devices)),
            line(t("ipv6-prefix"), net.ipv6, () => edit(net, "ipv6", t("ipv6-prefix"), t("prefix-hint"), net.ipv6 || "", (text) => text)),
            line(t("wan-address"), net["wan-address"] || store.status["wan-address"], () => edit(net, "wan-address", t("wan-address"), t("wan-hint"), net["wan-address"] || "", (text) => text)),
            line("DNS", net.dns.join(", "), () => edit(net, "dns", "DNS", t("dns-hint"), net.dns.join(", "), (text) => text.split(/[\s,]+/).filter(Boolean)))));
}

export const subnets = {
    name: "subnets",
    show(root) {
        this.root = root;
        this.update("lists");
    },
    action: () => mayWrite() && h("button", { type: "button", class: "primary", onclick: add }, icon("add"), t("add-subnet")),
    update(what) {
        if (what === "lists") this.root.replaceChildren(h("div", { class: "cards" }, store.subnets.map(card)));
    },
};
