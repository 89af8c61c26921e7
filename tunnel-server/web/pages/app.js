// SPDX-License-Identifier: GPL-2.0-or-later
// The frame: who is here, where they are, and what language and colours they want.
import * as api from "./api.js";
import { devices } from "./devices.js";
import { h, icon, say } from "./dom.js";
import { login, mark } from "./login.js";
import { map } from "./map.js";
import { overview, stateChip } from "./overview.js";
import { publications } from "./publications.js";
import { close, connect, listen, load, store } from "./store.js";
import { subnets } from "./subnets.js";
import { language, languages, setLanguage, t, words } from "./words.js";

const views = [overview, devices, publications, subnets, map];
const app = document.getElementById("app");
let current = null, content = null, banner = null, state = null, action = null, heading = null;

// -- what is kept in the browser --

function keep(name, value) {
    try {
        localStorage.setItem(name, value);
    } catch { /* a browser that keeps nothing asks again */ }
}

function kept(name) {
    try {
        return localStorage.getItem(name);
    } catch {
        return null;
    }
}

function setTheme(theme) {
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
}

function tools() {
    const select = (label, options, value, change) => {
        const element = h("select", { "aria-label": label, onchange: () => change(element.value) }, options.map(([key, text]) => h("option", { value: key }, text)));
        element.value = value;
        return element;
    };
    return h("div", { class: "prefs" },
        select(t("language"), Object.entries(languages), language(), (value) => { keep("language", value); setLanguage(value); start(); }),
        select(t("colours"), [["auto", t("colours-auto")], ["light", t("colours-light")], ["dark", t("colours-dark")]], kept("theme") || "auto",
            (value) => { keep("theme", value); setTheme(value); }));
}

// -- the frame --

const visible = () => store.session.who === "device" ? [devices, publications] : views;

function link(view) {
    return h("a", { href: `#${view.name}`, "aria-current": view === current ? "page" : null }, icon(view.name), h("span", {}, t(`${view.name}-short` in words ? `${view.name}-short` : view.name)));
}

function bannerText() {
    if (!store.isConnected) return t("lost");
    if (store.status.state === "gone") return t("gone");
    if (store.status.state === "new") return t("fresh");
    return "";
}

function drawState() {
    const text = bannerText();
    banner.hidden = !text;
    if (banner.textContent !== text) banner.textContent = text;
    state.replaceChildren(stateChip(store.status.state));
}

async function leave() {
    close();
    await api.logOut().catch(() => null);
    start();
}

function frame() {
    banner = h("p", { class: "banner", role: "alert", hidden: true });
    state = h("span", { class: "state" });
    action = h("div", { class: "action" });
    heading = h("h1", { tabindex: -1 });
    content = h("div", { class: "content" });
    const out = store.session.who === "admin" && h("button", { type: "button", class: "quiet out", onclick: leave }, icon("out"), h("span", {}, t("log-out")));
    const become = store.session.who === "device" && h("button", { type: "button", class: "quiet", onclick: showLogin }, t("log-in"));
    app.replaceChildren(
        h("header", { class: "top" }, h("a", { href: "#overview", class: "brand" }, mark(), h("span", {}, "adit")), state, tools(), out || become),
        h("nav", { "aria-label": t("navigation") }, visible().map(link)),
        h("main", { id: "main", tabindex: -1 }, banner, h("div", { class: "split" }, heading, action), content));
    drawState();
}

function go(isFirst) {
    const name = location.hash.slice(1);
    current = visible().find((view) => view.name === name) || visible()[0];
    for (const a of app.querySelectorAll("nav a")) {
        if (a.getAttribute("href") === `#${current.name}`) a.setAttribute("aria-current", "page");
        else a.removeAttribute("aria-current");
    }
    heading.textContent = t(current.name);
    document.title = `${t(current.name)} – adit`;
    drawAction();
    current.show(content);
    if (!isFirst) heading.focus();
}

function drawAction() {
    action.replaceChildren(...[current.action?.()].filter(Boolean));
}

function onNews(what) {
    if (!current || !content?.isConnected) return;
    if (what === "status") drawState();
    if (what === "lists" && !action.contains(document.activeElement)) drawAction();
    current.update(what);
}

function showLogin() {
    close();
    current = null;
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    document.title = "adit";
    app.replaceChildren(login(store.session, tools(), (session) => { store.session = session; enter(); }));
}

async function enter() {
    frame();
    const status = await api.get("/status").catch(() => ({ state: "gone" }));
    store.status = status;
    await load();
    drawState();
    go(true);
    connect();
    document.documentElement.dataset.ready = "yes";
}

async function start() {
    document.documentElement.lang = language();
    document.getElementById("skip").textContent = t("skip");
    try {
        store.session = await api.session();
    } catch (error) {
        app.replaceChildren(h("main", { id: "main", class: "login" }, h("p", { class: "card" }, error.message || t("unreachable")),
            h("button", { type: "button", class: "primary", onclick: start }, t("try-again"))));
        return;
    }
    if (store.session.who === "none") showLogin();
    else await enter();
}

setTheme(kept("theme"));
setLanguage(kept("language") || navigator.language);
listen(onNews);
window.addEventListener("hashchange", () => { if (content?.isConnected) go(false); });
document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main")?.focus();
});
document.addEventListener("adit-logged-out", async () => {
    if (!current) return;
    current = null;
    store.session = await api.session().catch(() => store.session);
    showLogin();
    say(t("logged-out"));
});
start();
