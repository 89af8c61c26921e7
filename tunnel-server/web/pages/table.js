// SPDX-License-Identifier: GPL-2.0-or-later
// A table that can be filtered and sorted, and stays quick with thousands of rows: only what is
// looked at is made, and a row is made anew only when it changed, so that focus stays where it is.
import { h } from "./dom.js";
import { t } from "./words.js";

const STEP = 40;
const collator = new Intl.Collator(undefined, { numeric: true });

export class Table {
    // columns: { name, label, cell(row), order(row), isLive, class }; key(row); words(row): what
    // the filter looks at. rows by setRows().
    constructor({ caption, columns, key, words, empty }) {
        Object.assign(this, { columns, key, words, empty, rows: [], shown: STEP, sortBy: null, sortDown: false });
        this.made = new Map();
        this.haystack = new WeakMap();
        this.filter = h("input", { type: "search", id: `filter-${caption}`, placeholder: t("filter"), "aria-label": t("filter"),
            oninput: () => { this.shown = STEP; this.draw(); } });
        this.count = h("span", { class: "muted", role: "status" });
        this.body = h("tbody", { role: "rowgroup" });
        this.more = h("button", { type: "button", class: "quiet", onclick: () => { this.shown += 10 * STEP; this.draw(); } });
        this.nothing = h("p", { class: "empty" });
        this.heads = columns.map((column) => this.head(column));
        this.element = h("div", {},
            h("div", { class: "tools" }, this.filter, this.count),
            h("div", { class: "card flush" },
                h("table", { role: "table", "aria-label": caption },
                    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, this.heads)), this.body),
                this.nothing),
            h("p", { class: "center" }, this.more));
    }

    head(column) {
        if (!column.order) return h("th", { role: "columnheader", scope: "col", class: column.class }, column.label);
        return h("th", { role: "columnheader", scope: "col", class: column.class, "aria-sort": "none" },
            h("button", { type: "button", class: "sort", onclick: () => this.sort(column) }, column.label));
    }

    sort(column) {
        this.sortDown = this.sortBy === column && !this.sortDown;
        this.sortBy = column;
        this.columns.forEach((other, i) => {
            if (other.order)
                this.heads[i].setAttribute("aria-sort", other !== column ? "none" : this.sortDown ? "descending" : "ascending");
        });
        this.draw();
    }

    setRows(rows) {
        this.rows = rows;
        this.draw();
    }

    matching() {
        const wanted = this.filter.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
        if (!wanted.length) return this.rows;
        return this.rows.filter((row) => {
            let words = this.haystack.get(row);
            if (words === undefined) this.haystack.set(row, words = this.words(row).join("\n").toLowerCase());
            return wanted.every((word) => words.includes(word));
        });
    }

    ordered(rows) {
        if (!this.sortBy) return rows;
        const sign = this.sortDown ? -1 : 1, order = this.sortBy.order;
        const compare = (a, b) => typeof a === "number" ? a - b : collator.compare(String(a), String(b));
        return [...rows].sort((a, b) => sign * compare(order(a), order(b)));
    }

    make(row) {
        const cells = this.columns.map((column) => h("td", { role: "cell", class: column.class, "data-label": column.label }, column.cell(row)));
        return { row: h("tr", { role: "row" }, cells), cells };
    }

    // Cells that live are refreshed alone.
    refresh(made, row) {
        this.columns.forEach((column, i) => {
            if (!column.isLive) return;
            const cell = column.cell(row);
            if (cell instanceof Node ? cell.outerHTML !== made.cells[i].innerHTML : cell !== made.cells[i].textContent)
                made.cells[i].replaceChildren(cell);
        });
    }

    rowFor(row) {
        const key = this.key(row), sign = this.sign(row), old = this.made.get(key);
        if (old && old.sign === sign) {
            this.refresh(old, row);
            return [key, old];
        }
        return [key, { ...this.make(row), sign }];
    }

    sign(row) {
        const still = Object.entries(row).filter(([name]) => !["last-handshake", "rx-bytes", "tx-bytes", "endpoint", "packets-in", "bytes-in", "packets-out", "bytes-out", "expires"].includes(name));
        return JSON.stringify(still);
    }

    draw() {
        const found = this.ordered(this.matching());
        const made = new Map(found.slice(0, this.shown).map((row) => this.rowFor(row)));
        const rows = [...made.values()].map((one) => one.row);
        // Only what moved is touched.
        rows.forEach((row, i) => {
            if (this.body.children[i] !== row) this.body.insertBefore(row, this.body.children[i] || null);
        });
        while (this.body.children.length > rows.length) this.body.lastChild.remove();
        this.made = made;
        this.more.hidden = found.length <= this.shown;
        this.more.textContent = t("more", found.length - this.shown);
        this.nothing.hidden = found.length > 0;
        this.nothing.textContent = this.rows.length ? t("no-match") : this.empty;
        const count = this.rows.length === found.length ? t("n-rows", found.length) : t("n-of-rows", found.length, this.rows.length);
        if (this.count.textContent !== count) this.count.textContent = count;
    }
}
