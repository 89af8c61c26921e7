// SPDX-License-Identifier: GPL-2.0-or-later
// The network as a drawing: the Internet, the server, the devices, and who publishes what.
import { h, isOnline, rate, s } from "./dom.js";
import { store } from "./store.js";
import { t } from "./words.js";

const MAX = 48, CELL = 176, ROW = 118, TOP = 250;

// The busiest and the publishing first: a drawing of a thousand says nothing.
function chosen() {
    const published = new Map();
    for (const one of store.mappings) {
        if (!published.has(one.device)) published.set(one.device, []);
        published.get(one.device).push(one);
    }
    const weight = (d) => (isOnline(d, store.now) ? 2 : 0) + (published.has(d.name) ? 1 : 0);
    const list = [...store.devices].sort((a, b) => weight(b) - weight(a) || a.name.localeCompare(b.name));
    return { list: list.slice(0, MAX), published, more: Math.max(0, list.length - MAX) };
}

const clip = (text, n) => text.length > n ? text.slice(0, n - 1) + "…" : text;

function node(x, y, kind, title, note) {
    return s("g", { class: `node ${kind}`, transform: `translate(${x} ${y})` },
        s("rect", { x: -78, y: -26, width: 156, height: 52, rx: 12 }),
        s("text", { y: note ? -4 : 5, class: "title" }, clip(title, 18)), note && s("text", { y: 14, class: "note" }, clip(note, 24)));
}

function wire(x1, y1, x2, y2, kind) {
    const middle = (y1 + y2) / 2;
    return s("path", { class: `wire ${kind}`, d: `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}` });
}

function ports(list, x, y) {
    const names = [...new Set(list.filter((one) => one.enabled).map((one) => one.first === one.last ? `${one.first}` : `${one.first}–${one.last}`))];
    if (!names.length) return null;
    const text = clip(names.join("  "), 24);
    return s("text", { class: "ports", x, y: y + 44 }, "↑ " + text);
}

function device(d, x, y, published) {
    const online = isOnline(d, store.now), now = store.rates.get(d.name);
    const busy = now && now.rx + now.tx > 200;
    return [wire(x, y - 26, d.x0, 172, `${online ? "on" : "off"} ${busy ? "busy" : ""}`),
        node(x, y, online ? "on" : "off", d.name, busy ? rate(now.rx + now.tx) : d.ipv4), ports(published.get(d.name) || [], x, y)];
}

function draw() {
    const { list, published, more } = chosen();
    const isNarrow = matchMedia("(max-width: 760px)").matches;
    const across = isNarrow ? Math.min(2, Math.max(1, list.length)) : list.length <= 6 ? Math.max(1, list.length) : Math.ceil(Math.sqrt(list.length * 2));
    const width = Math.max(380, across * CELL + 20), rows = Math.ceil(list.length / across);
    const middle = width / 2, height = TOP + rows * ROW + (more ? 30 : -10);
    const place = (i) => {
        const row = Math.floor(i / across), inRow = Math.min(across, list.length - row * across);
        return [middle + (i % across - (inRow - 1) / 2) * CELL, TOP + 20 + row * ROW];
    };
    const online = list.filter((d) => isOnline(d, store.now)).length;
    const drawing = list.map((d, i) => device({ ...d, x0: middle }, ...place(i), published)).flat();
    return s("svg", { viewBox: `0 0 ${width} ${height}`, class: "network", role: "img",
        "aria-label": t("map-label", store.devices.length, online, store.mappings.length) },
        wire(middle, 66, middle, 120, "on"), drawing.filter((one) => one?.classList.contains("wire")),
        node(middle, 40, "internet", t("internet")),
        node(middle, 146, store.status.state === "up" ? "server on" : "server off", "adit-server", store.status["wan-address"] || ""),
        drawing.filter((one) => one && !one.classList.contains("wire")),
        more ? s("text", { class: "note", x: middle, y: height - 8 }, t("and-more", more)) : null);
}

export const map = {
    name: "map",
    show(root) {
        this.root = root;
        this.update();
    },
    update() {
        this.root.replaceChildren(h("div", { class: "card drawing", tabindex: 0, role: "region", "aria-label": t("map") }, draw()));
    },
};
