// SPDX-License-Identifier: GPL-2.0-or-later
// Machines at the other end of a tunnel.
import * as api from "./api.js";
import { check, choice, confirm, field, form, input, view } from "./dialog.js";
import { ago, bytes, chip, h, icon, isOnline, place, s, say } from "./dom.js";
import { load, mayWrite, store } from "./store.js";
import { Table } from "./table.js";
import { t } from "./words.js";

const where = (device, ...more) => "/devices" + api.path(device.name, ...more);

async function changed(text) {
    await load();
    say(text);
}

// -- the profile, once --

function code(bits) {
    const rows = bits.trim().split("\n"), size = rows.length + 8;
    const d = rows.flatMap((row, y) => [...row].map((bit, x) => bit === "1" ? `M${x + 4} ${y + 4}h1v1h-1z` : "")).join("");
    return s("svg", { viewBox: `0 0 ${size} ${size}`, class: "qr", role: "img", "aria-label": t("qr"), "shape-rendering": "crispEdges" },
        s("rect", { width: size, height: size, fill: "#fff" }), s("path", { d, fill: "#000" }));
}

function save(name, text) {
    const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    h("a", { href: url, download: `${name}.conf` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function handOver({ name, profile, qr }) {
    const text = h("textarea", { readonly: true, rows: 12, class: "mono", "aria-label": t("profile") });
    text.value = profile;
    const copy = h("button", { type: "button", class: "quiet", onclick: async () => {
        text.select();
        await navigator.clipboard?.writeText(profile).catch(() => document.execCommand("copy"));
        say(t("copied"));
    } }, t("copy"));
    view(t("profile-of", name), h("p", { class: "notice" }, t("shown-once")), qr && code(qr),
        h("p", { class: "row" }, h("button", { type: "button", class: "primary", onclick: () => save(name, profile) }, t("download")), copy), text);
}

// -- dialogs --

function kindChoice() {
    const kind = choice([["server", t("kind-server-long")], ["client", t("kind-client-long")]]);
    return field("kind", t("kind"), kind);
}

export function addDevice() {
    const name = field("name", t("name"), input({ required: true, maxlength: 64 }), { hint: t("name-hint") });
    const kind = kindChoice();
    const subnet = field("subnet", t("subnet"), choice(store.subnets.map((net) => [net.name, `${net.name} (${net.network})`])));
    const address = field("ipv4", t("ipv4-address"), input({ inputmode: "decimal", class: "mono" }), { hint: t("next-free") });
    const full = check(t("full-tunnel"), { hint: t("full-tunnel-hint") });
    const follow = () => { full.element.hidden = kind.control.value !== "client"; };
    kind.control.addEventListener("change", follow);
    follow();
    form(t("add-device"), {
        parts: [name.element, kind.element, store.subnets.length > 1 && subnet.element, address.element, full.element],
        fields: [name, kind, subnet, address],
        action: t("add"),
        send: () => api.post("/devices", {
            name: name.control.value.trim(), kind: kind.control.value, subnet: subnet.control.value,
            ipv4: address.control.value.trim(), full: full.control.checked && kind.control.value === "client",
        }),
        done: (result) => { changed(t("added", result.name)); handOver(result); },
    });
    name.control.focus();
}

function rename(device) {
    const name = field("name", t("name"), input({ value: device.name, required: true, maxlength: 64 }));
    form(t("rename-what", device.name), {
        parts: [name.element], fields: [name], action: t("rename"),
        send: () => api.patch(where(device), { name: name.control.value.trim() }),
        done: () => changed(t("renamed")),
    });
    name.control.select();
}

function rekey(device) {
    confirm(t("rekey-what", device.name), t("rekey-text"), t("rekey"), () => api.post(where(device, "keys"), {}),
        (result) => { changed(t("rekeyed")); handOver(result); });
}

function drop(device, parent) {
    const n = store.mappings.filter((one) => one.device === device.name).length;
    confirm(t("remove-what", device.name), t("remove-device-text", n), t("remove"), () => api.remove(where(device)),
        () => { parent.close(); changed(t("removed", device.name)); });
}

function row(label, value) {
    return [h("dt", {}, label), h("dd", {}, value)];
}

function show(device) {
    const own = store.mappings.filter((one) => one.device === device.name);
    const publish = check(t("may-publish"), { checked: device["may-publish"], hint: t("may-publish-hint") });
    publish.control.disabled = !mayWrite();
    publish.control.addEventListener("change", async () => {
        try {
            await api.patch(where(device), { "may-publish": publish.control.checked });
            changed(t("saved"));
        } catch (error) {
            publish.control.checked = !publish.control.checked;
            say(error.message);
        }
    });
    const dialog = view(device.name,
        h("dl", { class: "facts" },
            row(t("state"), presence(device)), row(t("kind"), t(`kind-${device.kind}`)), row(t("subnet"), device.subnet),
            row("IPv4", h("span", { class: "mono" }, device.ipv4)), row("IPv6", h("span", { class: "mono" }, device.ipv6 || t("none"))),
            row(t("endpoint"), h("span", { class: "mono" }, device.endpoint || "–")), row(t("last-handshake"), ago(device["last-handshake"], store.now)),
            row(t("received"), bytes(device["rx-bytes"])), row(t("sent"), bytes(device["tx-bytes"])),
            row(t("public-key"), h("span", { class: "mono wrap" }, device["public-key"])),
            row(t("publications"), own.length ? own.map((one) => one.key).join(", ") : t("none"))),
        publish.element,
        mayWrite() && h("footer", {},
            h("button", { type: "button", class: "quiet danger-text", onclick: () => drop(device, dialog) }, t("remove")),
            h("button", { type: "button", class: "quiet", onclick: () => { dialog.close(); rekey(device); } }, t("rekey")),
            h("button", { type: "button", class: "quiet", onclick: () => { dialog.close(); rename(device); } }, t("rename"))));
}

// -- the table --

const presence = (device) => isOnline(device, store.now) ? chip("good", t("online")) : chip("plain", t("offline"));

const columns = () => [
    { name: "name", label: t("name"), order: (d) => d.name, cell: (d) => h("button", { type: "button", class: "name", onclick: () => show(d) }, d.name) },
    { name: "state", label: t("state"), isLive: true, order: (d) => isOnline(d, store.now) ? 0 : 1, cell: presence },
    { name: "kind", label: t("kind"), order: (d) => d.kind, cell: (d) => t(`kind-${d.kind}`) },
    { name: "ipv4", label: "IPv4", class: "mono", order: (d) => d.ipv4, cell: (d) => d.ipv4 },
    { name: "ipv6", label: "IPv6", class: "mono", order: (d) => d.ipv6 || "", cell: (d) => d.ipv6 || "–" },
    { name: "handshake", label: t("last-handshake"), isLive: true, order: (d) => -d["last-handshake"], cell: (d) => ago(d["last-handshake"], store.now) },
    { name: "endpoint", label: t("endpoint"), isLive: true, class: "mono", cell: (d) => place(d.endpoint) },
    { name: "traffic", label: t("traffic"), isLive: true, class: "right", order: (d) => -(d["rx-bytes"] + d["tx-bytes"]),
        cell: (d) => `↓ ${bytes(d["rx-bytes"])} ↑ ${bytes(d["tx-bytes"])}` },
];

export const devices = {
    name: "devices",
    show(root) {
        this.table = new Table({ caption: t("devices"), columns: columns(), key: (d) => d.name, empty: t("no-device"),
            words: (d) => [d.name, d.ipv4, d.ipv6 || "", d.kind, d.subnet, d.endpoint || ""] });
        root.replaceChildren(this.table.element);
        this.table.setRows(store.devices);
    },
    action: () => mayWrite() && h("button", { type: "button", class: "primary", onclick: addDevice }, icon("add"), t("add-device")),
    update(what) {
        if (what !== "status") this.table.setRows(store.devices);
    },
};
