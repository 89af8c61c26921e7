// SPDX-License-Identifier: GPL-2.0-or-later
// The door.
import * as api from "./api.js";
import { h, s } from "./dom.js";
import { field } from "./dialog.js";
import { t } from "./words.js";

export const mark = () => s("svg", { viewBox: "0 0 32 32", class: "mark", "aria-hidden": "true" },
    s("rect", { width: 32, height: 32, rx: 7, class: "mark-ground" }),
    s("path", { d: "M6 27V16a10 10 0 0 1 20 0v11h-5V16a5 5 0 0 0-10 0v11z", class: "mark-ink" }),
    s("path", { d: "M14 27l2-11 2 11z", class: "mark-ink" }));

export function login(session, tools, done) {
    const password = field("password", t("password"), h("input", { type: "password", autocomplete: "current-password", required: true }));
    const button = h("button", { type: "submit", class: "primary wide" }, t("log-in"));
    const form = h("form", {
        novalidate: true,
        onsubmit: async (event) => {
            event.preventDefault();
            button.disabled = true;
            password.error.hidden = true;
            try {
                done(await api.logIn(password.control.value));
            } catch (error) {
                password.error.hidden = false;
                password.error.textContent = error.code === "password" ? t("wrong-password")
                    : error.code === "backoff" ? t("too-many") : error.message || t("unreachable");
                password.control.setAttribute("aria-invalid", "true");
                password.control.select();
            } finally {
                button.disabled = false;
            }
        },
    }, password.element, button);
    const body = session["has-password"] ? form : h("p", {}, t("no-password"), " ", h("code", {}, "adit-server web set-password"));
    queueMicrotask(() => password.control.focus());
    return h("main", { id: "main", class: "login" },
        h("div", { class: "card door" }, mark(), h("h1", {}, "adit"), h("p", { class: "muted" }, t("motto")), body), tools);
}
