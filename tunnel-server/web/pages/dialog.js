// SPDX-License-Identifier: GPL-2.0-or-later
// Dialogs: forms whose errors stand at their field, questions, and views.
import { h } from "./dom.js";
import { t } from "./words.js";

let count = 0;

function open(title, content, { onclose } = {}) {
    const id = `dialog-${++count}`;
    const dialog = h("dialog", { "aria-labelledby": id },
        h("header", {}, h("h2", { id }, title),
            h("button", { type: "button", class: "close", "aria-label": t("close"), onclick: () => dialog.close() }, "×")),
        content);
    dialog.addEventListener("close", () => {
        dialog.remove();
        onclose?.();
    });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
}

// A label, its control and the room for an error.
export function field(name, label, control, { hint } = {}) {
    const id = `field-${name}-${++count}`;
    control.id = id;
    control.setAttribute("name", name);
    const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
    const ids = [`${id}-error`];
    if (hint) ids.push(`${id}-hint`);
    control.setAttribute("aria-describedby", ids.join(" "));
    const element = h("div", { class: "field", "data-field": name },
        h("label", { for: id }, label), control, hint && h("p", { class: "hint", id: `${id}-hint` }, hint), error);
    return { element, name, control, error };
}

export const input = (props = {}) => h("input", { type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false", ...props });

export function choice(options, value) {
    const select = h("select", {}, options.map(([key, label]) => h("option", { value: key }, label)));
    if (value !== undefined) select.value = value;
    return select;
}

export function check(label, { checked = false, hint } = {}) {
    const box = h("input", { type: "checkbox" });
    box.checked = checked;
    return { element: h("div", { class: "field" }, h("label", { class: "check" }, box, h("span", {}, label)), hint && h("p", { class: "hint" }, hint)), control: box };
}

function showError(fields, general, error) {
    const about = fields.find((one) => one.name === error.field);
    const text = error.code === "unreachable" && !error.message ? t("unreachable") : error.message;
    if (!about) {
        general.hidden = false;
        general.textContent = text;
        return;
    }
    about.error.hidden = false;
    about.error.textContent = text;
    about.control.setAttribute("aria-invalid", "true");
    about.control.focus();
}

function clearErrors(fields, general) {
    general.hidden = true;
    for (const { error, control } of fields) {
        error.hidden = true;
        control.removeAttribute("aria-invalid");
    }
}

// send() throws a Refusal; fields: what field() made; parts: everything, in order.
export function form(title, { parts, fields, action, send, done, isDangerous }) {
    const general = h("p", { class: "error", role: "alert", hidden: true });
    const button = h("button", { type: "submit", class: isDangerous ? "danger" : "primary" }, action);
    const dialog = open(title, h("form", {
        novalidate: true,
        onsubmit: async (event) => {
            event.preventDefault();
            clearErrors(fields, general);
            button.disabled = true;
            try {
                const result = await send();
                dialog.close();
                done?.(result);
            } catch (error) {
                showError(fields, general, error);
            } finally {
                button.disabled = false;
            }
        },
    }, parts, general,
    h("footer", {}, h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, t("cancel")), button)));
    return dialog;
}

export const confirm = (title, text, action, send, done) =>
    form(title, { parts: [h("p", {}, text)], fields: [], action, send, done, isDangerous: true });

export const view = (title, ...content) => open(title, h("div", { class: "body" }, content));
