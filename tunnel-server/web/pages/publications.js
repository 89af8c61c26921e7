// SPDX-License-Identifier: GPL-2.0-or-later
// What is reachable from the Internet: IPv4 forwards and IPv6 pinholes in one table.
import * as api from "./api.js";
import { check, choice, confirm, field, form, input, view } from "./dialog.js";
import { bytes, chip, h, icon, say, span } from "./dom.js";
import { load, loadMappings, mayManage, mayPublish, mayWrite, store } from "./store.js";
import { Table } from "./table.js";
import { t } from "./words.js";

const where = (one) => "/mappings" + api.path(one.family, one.key);
const ports = (one) => one.first === one.last ? String(one.first) : `${one.first}–${one.last}`;
const protocol = (one) => one.protocol === "both" ? "TCP + UDP" : one.protocol.toUpperCase();
const bracket = (one) => one.family === 6 ? `[${one.external}]` : one.external || store.status["wan-address"] || "";

async function changed(text) {
    await load();
    say(text);
}

// -- one dialog for both families --

function versions(device) {
    const name = "ip-version", hasGua = Boolean(device?.ipv6);
    const radio = (value, label, isOff) => h("label", { class: "segment" },
        h("input", { type: "radio", name, value, disabled: isOff, checked: value === (hasGua ? "both" : "4") }), h("span", {}, label));
    return [radio("4", "IPv4", false), radio("6", "IPv6", !hasGua), radio("both", "IPv4 + IPv6", !hasGua)];
}

function versionField(device) {
    const group = h("div", { class: "segments" });
    const hint = h("p", { class: "hint" });
    const element = h("fieldset", { class: "field", "data-field": "ip-version" }, h("legend", {}, t("ip-version")), group, hint);
    const follow = () => {
        group.replaceChildren(...versions(device()));
        hint.textContent = device()?.ipv6 ? t("version-hint") : t("no-gua");
    };
    return { element, follow, value: () => group.querySelector(":checked").value };
}

function redirectField(port, proto) {
    const box = field("redirect", t("also-80"), choice([["no", t("redirect-no")], ["https", t("redirect-https")], ["port", t("redirect-port")]]), { hint: t("also-80-hint") });
    const follow = () => {
        const fits = port.control.value.trim() === "443" && proto.control.value !== "udp";
        box.element.hidden = !fits;
        if (!fits) box.control.value = "no";
    };
    return { ...box, follow };
}

function request(fields) {
    const proto = fields.proto.control.value, internal = fields.internal.control.value.trim();
    const body = { device: fields.device.control.value, ports: `${fields.port.control.value.trim()}/${proto}`,
        label: fields.label.control.value.trim(), "ip-version": fields.version.value(), redirect: fields.redirect.control.value };
    if (internal) body.internal = /^\d{1,5}$/.test(internal) ? Number(internal) : NaN;
    return body;
}

export function publish(name) {
    const device = field("device", t("device"), choice(store.devices.map((d) => [d.name, `${d.name} (${d.ipv4})`]), name));
    const chosen = () => store.devices.find((d) => d.name === device.control.value);
    const version = versionField(chosen);
    const port = field("ports", t("external-port"), input({ inputmode: "numeric", placeholder: "443", required: true, class: "mono" }), { hint: t("port-hint") });
    const internal = field("internal", t("internal-port"), input({ inputmode: "numeric", class: "mono" }), { hint: t("internal-hint") });
    const proto = field("protocol", t("protocol"), choice([["tcp", "TCP"], ["udp", "UDP"], ["both", "TCP + UDP"]]));
    const label = field("label", t("label"), input({ maxlength: 64, autocapitalize: "sentences" }), { hint: t("label-hint") });
    const redirect = redirectField(port, proto);
    device.control.addEventListener("change", version.follow);
    for (const one of [port, proto]) one.control.addEventListener("input", redirect.follow);
    version.follow();
    redirect.follow();
    form(t("publish"), {
        parts: [device.element, version.element, h("div", { class: "pair" }, port.element, proto.element), redirect.element, internal.element, label.element],
        fields: [device, port, internal, label, redirect],
        action: t("publish"),
        send: () => {
            const body = request({ device, version, port, internal, proto, label, redirect });
            if (Number.isNaN(body.internal)) throw new api.Refusal(422, { code: "invalid", message: t("not-a-port"), field: "internal" });
            return api.post("/publications", body);
        },
        done: ({ keys }) => changed(t("published", keys.join(", "))),
    });
    (name ? port : device).control.focus();
}

// -- one of them --

function relabel(one) {
    const label = field("label", t("label"), input({ value: one.label || "", maxlength: 64 }));
    form(t("relabel-what", one.key), {
        parts: [label.element], fields: [label], action: t("save"),
        send: () => api.patch(where(one), { label: label.control.value.trim() }),
        done: () => changed(t("saved")),
    });
    label.control.select();
}

function drop(one, parent) {
    confirm(t("remove-what", one.key), t("remove-mapping-text"), t("remove"), () => api.remove(where(one)),
        () => { parent.close(); changed(t("removed", one.key)); });
}

const row = (label, value) => [h("dt", {}, label), h("dd", {}, value)];

function show(one) {
    const dialog = view(one.label || one.key,
        h("dl", { class: "facts" },
            row(t("outside"), h("span", { class: "mono wrap" }, `${bracket(one)}:${ports(one)}`)), row(t("protocol"), protocol(one)),
            row(t("device"), one.device), row(t("internal-port"), String(one.internal || one.first)), row(t("origin"), origin(one)),
            row(t("enabled"), one.enabled ? t("yes") : t("no")), row(t("lease-left"), left(one)), redirect(one),
            row(t("traffic"), traffic(one)), row(t("allow-from"), one["allow-from"].join(", ") || t("everybody")),
            row(t("key"), h("code", {}, one.key))),
        mayManage(one) && one.origin !== "auto" && h("footer", {},
            h("button", { type: "button", class: "quiet danger-text", onclick: () => drop(one, dialog) }, t("remove")),
            h("button", { type: "button", class: "quiet", onclick: () => { dialog.close(); relabel(one); } }, t("relabel"))));
}

// -- the table --

async function toggle(one, box) {
    box.disabled = true;
    try {
        await api.patch(where(one), { enabled: box.checked });
        await changed(box.checked ? t("opened", one.key) : t("closed", one.key));
    } catch (error) {
        box.checked = !box.checked;
        say(error.message);
    } finally {
        box.disabled = false;
    }
}

function enabledSwitch(one) {
    const box = h("input", { type: "checkbox", role: "switch", class: "switch", "aria-label": t("enabled-what", one.key), disabled: !mayManage(one) });
    box.checked = one.enabled;
    box.addEventListener("change", () => toggle(one, box));
    return box;
}

const origin = (one) => t(`origin-${one.origin}`);
const traffic = (one) => `↓ ${bytes(one["bytes-in"])} ↑ ${bytes(one["bytes-out"])}`;
const redirect = (one) => one.redirect && one.redirect !== "no" ? row(t("also-80"), t(`redirect-${one.redirect}`)) : [];
const left = (one) => one.expires ? span(one.expires - store.now) : t("for-good");

function columns() {
    const list = [
        { name: "what", label: t("what"), order: (m) => m.label || m.key, cell: (m) => h("button", { type: "button", class: "name", onclick: () => show(m) }, m.label || m.key) },
        { name: "ip", label: "IP", order: (m) => m.family, cell: (m) => chip(m.family === 6 ? "six" : "four", `IPv${m.family}`) },
        { name: "outside", label: t("outside"), class: "mono", order: (m) => m.first, cell: (m) => h("span", {}, h("span", { class: "muted" }, `${bracket(m)}:`), h("strong", {}, ports(m))) },
        { name: "protocol", label: t("protocol"), order: (m) => m.protocol, cell: protocol },
        { name: "device", label: t("device"), order: (m) => m.device, cell: (m) => m.internal && m.internal !== m.first ? `${m.device}:${m.internal}` : m.device },
        { name: "origin", label: t("origin"), order: (m) => m.origin, cell: origin },
    ];
    if (store.mappings.some((one) => one.expires)) list.push({ name: "lease", label: t("lease-left"), isLive: true, order: (m) => m.expires || Infinity, cell: left });
    list.push({ name: "bytes", label: t("traffic"), isLive: true, class: "right", order: (m) => -(m["bytes-in"] + m["bytes-out"]), cell: traffic },
        { name: "enabled", label: t("enabled"), order: (m) => m.enabled ? 0 : 1, cell: enabledSwitch });
    return list;
}

export const publications = {
    name: "publications",
    ticks: 0,
    show(root) {
        this.table = new Table({ caption: t("publications"), columns: columns(), key: (m) => `${m.family} ${m.key}`, empty: t("no-publication"),
            words: (m) => [m.label || "", m.key, m.device, m.external || "", `ipv${m.family}`, m.protocol, m.origin] });
        root.replaceChildren(this.table.element);
        this.table.setRows(store.mappings);
    },
    action: () => mayPublish() && h("button", { type: "button", class: "primary", onclick: () => publish(), disabled: !store.devices.length }, icon("add"), t("publish")),
    update(what) {
        if (what === "traffic" && ++this.ticks % 4 === 0) loadMappings();
        if (what !== "status") this.table.setRows(store.mappings);
    },
};
