"use strict";
// Sorting: numbers by data-v, the rest as text; a number that is not there stays last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") === "descending" || (head.getAttribute("aria-sort") === "none" && !head.classList.contains("n"));
    heads.forEach(other => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const numeric = head.classList.contains("n");
    const key = row => {
      const cell = row.cells[column];
      return numeric ? (cell.dataset.v === undefined ? null : Number(cell.dataset.v)) : cell.textContent.trim();
    };
    const rows = [...table.tBodies[0].rows].map(row => [key(row), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return (numeric ? a - b : a.localeCompare(b, undefined, { numeric: true })) * (up ? 1 : -1);
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }));
}
// Filtering: a row stays if it holds every word.
const filter = document.getElementById("filter");
const body = document.getElementById("results").tBodies[0];
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of body.rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every(word => text.includes(word));
    count += !row.hidden;
  }
  document.getElementById("shown").textContent = `${count} of ${body.rows.length}`;
});
// The columns that are shown on demand.
const columns = document.getElementById("columns");
if (columns) columns.addEventListener("change", () =>
  document.getElementById("results").classList.toggle("few", !columns.checked));
// A link to a run, or picking it, opens it.
const show = id => {
  const cell = document.getElementById(id);
  if (cell && cell.matches("details")) { cell.open = true; cell.scrollIntoView(); }
};
addEventListener("hashchange", () => show(decodeURIComponent(location.hash.slice(1))));
const pick = document.getElementById("pick");
if (pick) pick.addEventListener("change", () => show(pick.value));
if (location.hash) show(decodeURIComponent(location.hash.slice(1)));
