// SPDX-License-Identifier: GPL-2.0-or-later
// Elements and figures. Text becomes text nodes, never markup.
import { language, t } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

function set(element, name, value) {
    if (value === undefined || value === null || value === false) return;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
}

function fill(element, props, children) {
    for (const [name, value] of Object.entries(props || {})) set(element, name, value);
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);
export const s = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

let silence = 0;

// For the eye a few seconds, for a screen reader at once.
export function say(text) {
    const toast = document.getElementById("say");
    toast.textContent = text;
    toast.dataset.on = "yes";
    clearTimeout(silence);
    silence = setTimeout(() => { delete toast.dataset.on; }, 5000);
}

// Making one takes longer than a row of a table.
const formats = new Map();

function decimal(n, digits) {
    const key = language() + digits;
    if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits }));
    return formats.get(key).format(n);
}

export function bytes(n) {
    const units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let i = 0;
    while (n >= 1000 && i < units.length - 1) {
        n /= 1000;
        i++;
    }
    const digits = i === 0 || n >= 100 ? 0 : 1;
    return `${decimal(n, digits)} ${units[i]}`;
}

export const rate = (n) => `${bytes(n)}/s`;

export function span(seconds) {
    if (seconds < 60) return t("n-seconds", Math.max(0, Math.round(seconds)));
    if (seconds < 3600) return t("n-minutes", Math.round(seconds / 60));
    if (seconds < 86400) return t("n-hours", Math.round(seconds / 3600));
    return t("n-days", Math.round(seconds / 86400));
}

// A handshake is renewed every two minutes while there is traffic or a keepalive.
export const isOnline = (device, now) => device["last-handshake"] > 0 && now - device["last-handshake"] < 185;

export function ago(stamp, now) {
    return stamp ? t("ago", span(now - stamp)) : t("never");
}

// An address and its port, which may stand on two lines.
export function place(text) {
    const at = text ? text.lastIndexOf(":") : -1;
    return at < 0 ? "–" : h("span", {}, text.slice(0, at), h("wbr"), text.slice(at));
}

export const chip = (kind, text) => h("span", { class: `chip ${kind}` }, text);

const paths = {
    overview: "M3 12 12 4l9 8M6 10v10h12V10",
    devices: "M4 5h16v10H4zM9 19h6M12 15v4",
    publications: "M12 3v12M7 8l5-5 5 5M4 15v5h16v-5",
    subnets: "M12 4v5M5 20v-4h14v4M12 9v7M9 4h6v5H9z",
    map: "M12 7a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM5 22a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM19 22a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM11 7l-5 10M13 7l5 10",
    add: "M12 5v14M5 12h14",
    out: "M14 4h5v16h-5M4 12h10M10 8l4 4-4 4",
};

export const icon = (name) => s("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" },
    s("path", { d: paths[name], fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round" }));
