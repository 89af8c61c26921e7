// SPDX-License-Identifier: GPL-2.0-or-later
// What the page knows of the server, kept fresh by its events.
import * as api from "./api.js";

const SAMPLES = 90;

export const store = {
    session: null,
    status: { state: "unknown" },
    subnets: [], devices: [], mappings: [],
    now: Date.now() / 1000,
    rates: new Map(), // device name -> { rx, tx } bytes a second
    history: [], // of the sums
    isConnected: true,
};

const listeners = new Set();
let events = null, loading = null, isStale = false, last = null;

// fn(what): "status", "lists" or "traffic".
export function listen(fn) {
    listeners.add(fn);
}

function tell(what) {
    for (const fn of listeners) fn(what);
}

const isGone = () => store.status.state === "gone";

async function fetchLists() {
    const isDevice = store.session.who === "device";
    const [subnets, devices, mappings] = await Promise.all([
        isDevice ? [] : api.get("/subnets"), api.get("/devices"), api.get("/mappings")]);
    Object.assign(store, { subnets, devices, mappings });
    tell("lists");
}

// One round at a time; a change meanwhile makes another.
export function load() {
    if (loading) {
        isStale = true;
        return loading;
    }
    loading = (async () => {
        do {
            isStale = false;
            try {
                await fetchLists();
            } catch (error) {
                if (error.status === 401) break;
            }
        } while (isStale);
        loading = null;
    })();
    return loading;
}

function takeStatus(status) {
    const before = store.status;
    store.status = status;
    tell("status");
    if (!isGone() && (status.generation !== before.generation || status["mappings-serial"] !== before["mappings-serial"] || before.state === "gone" || status.mappings !== before.mappings)) load();
}

function sample(seconds, changed) {
    store.rates.clear();
    let rx = 0, tx = 0;
    for (const [before, after] of changed) {
        const device = { rx: Math.max(0, after["rx-bytes"] - before["rx-bytes"]) / seconds,
            tx: Math.max(0, after["tx-bytes"] - before["tx-bytes"]) / seconds };
        store.rates.set(after.name, device);
        rx += device.rx;
        tx += device.tx;
    }
    store.history.push({ rx, tx });
    if (store.history.length > SAMPLES) store.history.shift();
}

function takeTraffic({ now, devices }) {
    const byName = new Map(store.devices.map((device) => [device.name, device]));
    const changed = [];
    for (const after of devices) {
        const device = byName.get(after.name);
        if (!device) continue;
        changed.push([{ ...device }, after]);
        Object.assign(device, after);
    }
    // The first event of a stream tells where everybody stands, which is no rate.
    if (last) sample(Math.max(1, now - last), changed);
    last = now;
    store.now = now;
    tell("traffic");
}

// The counters of the ports, which no event tells.
export async function loadMappings() {
    const mappings = await api.get("/mappings").catch(() => null);
    if (!mappings) return;
    store.mappings = mappings;
    tell("lists");
}

function setConnected(isConnected) {
    if (store.isConnected === isConnected) return;
    store.isConnected = isConnected;
    tell("status");
}

// The browser tries again by itself, unless it was told no: then the session is over, or the
// server is another.
function lost() {
    setConnected(false);
    last = null;
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(async () => {
        try {
            store.session = await api.session();
        } catch {
            lost();
            return;
        }
        if (store.session.who === "none") document.dispatchEvent(new CustomEvent("adit-logged-out"));
        else connect();
    }, 2000);
}

// A server that was started anew wants another token of a device, whose session never ends.
async function back() {
    if (!store.isConnected && store.session.who === "device") store.session = await api.session().catch(() => store.session);
    setConnected(true);
}

export function connect() {
    close();
    events = new EventSource("/api/v1/events");
    events.addEventListener("open", back);
    events.addEventListener("error", lost);
    events.addEventListener("status", (event) => takeStatus(JSON.parse(event.data)));
    events.addEventListener("traffic", (event) => takeTraffic(JSON.parse(event.data)));
}

export function close() {
    events?.close();
    last = null;
}

export const mayWrite = () => Boolean(store.session?.["may-write"]);
const mayOwn = () => Boolean(store.session?.["may-manage-own"]);
export const mayPublish = () => mayWrite() || mayOwn();
// A device's own, as long as the operator has not said otherwise.
export const mayManage = (mapping) => mayWrite() || mayOwn() && !mapping.fixed;
