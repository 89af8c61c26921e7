// SPDX-License-Identifier: GPL-2.0-or-later
// How the server is, at a glance.
import * as api from "./api.js";
import { chip, h, isOnline, rate, s, say } from "./dom.js";
import { store } from "./store.js";
import { t } from "./words.js";

const WIDTH = 600, HEIGHT = 120;

export const stateChip = (state) => chip({ up: "good", down: "warn", new: "warn" }[state] || "bad", t(`state-${state}`));

function tile(label, value, note) {
    return h("div", { class: "tile" }, h("dt", {}, label), h("dd", {}, value, note && h("span", { class: "note" }, note)));
}

function line(name, top) {
    const n = store.history.length, step = WIDTH / 89, left = WIDTH - (n - 1) * step;
    const y = (value) => (HEIGHT - 4 - (HEIGHT - 12) * value / top).toFixed(1);
    const points = store.history.map((sum, i) => `${(left + i * step).toFixed(1)},${y(sum[name])}`);
    if (n < 2) return [];
    return [
        s("polygon", { class: `area ${name}`, points: `${left.toFixed(1)},${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}` }),
        s("polyline", { class: `line ${name}`, points: points.join(" ") }),
    ];
}

function sparkline() {
    const top = Math.max(1000, ...store.history.map((sum) => Math.max(sum.rx, sum.tx)));
    const now = store.history.at(-1) || { rx: 0, tx: 0 };
    return h("section", { class: "card" },
        h("h2", {}, t("traffic")),
        s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "spark", preserveAspectRatio: "none", role: "img",
            "aria-label": t("traffic-now", rate(now.rx), rate(now.tx)) }, line("rx", top), line("tx", top)),
        h("p", { class: "legend" }, h("span", { class: "key rx" }, `${t("received")} ${rate(now.rx)}`),
            h("span", { class: "key tx" }, `${t("sent")} ${rate(now.tx)}`)));
}

function problems() {
    const list = store.status.problems || [];
    const again = h("button", { type: "button", class: "quiet", onclick: async () => {
        again.disabled = true;
        await api.post("/refresh").catch(() => null);
        again.disabled = false;
        say(t("looked"));
    } }, t("look-again"));
    return h("section", { class: `card ${list.length ? "trouble" : ""}` },
        h("div", { class: "split" }, h("h2", {}, t("problems")), again),
        list.length ? h("ul", { class: "problems" }, list.map((text) => h("li", {}, text))) : h("p", { class: "muted" }, t("no-problem")));
}

function addresses() {
    const rows = store.subnets.map((net) => h("tr", { role: "row" },
        h("td", { role: "cell", "data-label": t("subnet") }, h("strong", {}, net.name), h("br"), h("span", { class: "muted mono" }, net.network)),
        h("td", { role: "cell", class: "mono", "data-label": "IPv4" }, net["wan-address"] || store.status["wan-address"] || "–"),
        h("td", { role: "cell", class: "mono", "data-label": "IPv6" }, net.ipv6 || "–", " ", net.ipv6 && chip("plain", t("not-tested")))));
    return h("section", { class: "card flush" }, h("h2", {}, t("public-addresses")),
        h("table", { role: "table", "aria-label": t("public-addresses") },
            h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, [t("subnet"), "IPv4", "IPv6"].map((text) => h("th", { role: "columnheader", scope: "col" }, text)))),
            h("tbody", { role: "rowgroup" }, rows)));
}

function draw() {
    const status = store.status;
    const online = store.devices.filter((device) => isOnline(device, store.now)).length;
    return [
        h("dl", { class: "tiles" },
            tile(t("server"), stateChip(status.state), status.endpoint || ""),
            tile(t("devices-online"), String(online), t("of-n", store.devices.length)),
            tile(t("publications"), String(store.mappings.length), t("n-enabled", store.mappings.filter((one) => one.enabled).length)),
            tile("WAN", h("span", { class: "mono" }, status["wan-address"] || "–"), status.wan || "")),
        sparkline(), problems(), addresses()];
}

export const overview = {
    name: "overview",
    show(root) {
        this.root = root;
        root.replaceChildren(...draw());
    },
    update(what) {
        if (this.root.contains(document.activeElement) && document.activeElement !== this.root && what === "traffic") return;
        this.root.replaceChildren(...draw());
    },
};
