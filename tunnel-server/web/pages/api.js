// SPDX-License-Identifier: GPL-2.0-or-later
// The server's JSON interface.

let csrf = null;

export class Refusal extends Error {
    constructor(status, { code, message, field }) {
        super(message);
        Object.assign(this, { status, code, field });
    }
}

export const path = (...parts) => parts.map((part) => "/" + encodeURIComponent(part)).join("");

async function ask(method, where, body) {
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    if (csrf) headers["X-Adit-Csrf"] = csrf;
    let answer;
    try {
        answer = await fetch("/api/v1" + where, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
        throw new Refusal(0, { code: "unreachable", message: "", field: null });
    }
    const data = answer.status === 204 ? null : await answer.json().catch(() => null);
    if (answer.ok) return data;
    const refusal = new Refusal(answer.status, data?.error || { code: "server", message: answer.statusText, field: null });
    if (answer.status === 401 && where !== "/session") document.dispatchEvent(new CustomEvent("adit-logged-out"));
    throw refusal;
}

export const get = (where) => ask("GET", where);
export const post = (where, body) => ask("POST", where, body);
export const patch = (where, body) => ask("PATCH", where, body);
export const remove = (where) => ask("DELETE", where);

function remember(session) {
    csrf = session.csrf;
    return session;
}

export const session = async () => remember(await get("/session"));
export const logIn = async (password) => remember(await post("/session", { password }));

export async function logOut() {
    await remove("/session");
    csrf = null;
}
