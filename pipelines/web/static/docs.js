// Draws /openapi.json; every text goes in as text.
"use strict";

const el = (tag, words = "", kind = "") => {
  const made = document.createElement(tag);
  made.textContent = words;
  if (kind) made.className = kind;
  return made;
};

const nameOf = (ref) => ref.split("/").pop();

// A schema in a few words: "list of FaceAnswer", "number", "A or B".
function words(schema) {
  if (!schema) return "";
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf || schema.oneOf) return (schema.anyOf || schema.oneOf).map(words).join(" or ");
  if (schema.type === "array") return `list of ${words(schema.items)}`;
  if (schema.type === "object" && schema.additionalProperties) return `${words(schema.additionalProperties)} by name`;
  if (schema.type === "null") return "absent";
  return schema.format === "binary" ? "file" : schema.type || "anything";
}

function table(heads, rows) {
  const made = el("table");
  const head = made.createTHead().insertRow();
  for (const name of heads) head.append(Object.assign(el("th", name), { scope: "col" }));
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const cell of row) line.append(el("td", cell));
  }
  return made;
}

function endpoint(path, method, what) {
  const made = el("section");
  made.append(el("h2", `${method.toUpperCase()} ${path}`), el("p", what.description || what.summary || ""));
  const body = what.requestBody?.content || {};
  for (const [kind, { schema }] of Object.entries(body)) {
    made.append(el("h3", `Sent: ${kind}`));
    const fields = schema.properties ? Object.entries(schema.properties) : [["the body", schema]];
    made.append(table(["field", "what"], fields.map(([k, v]) => [k, words(v)])));
  }
  const rows = Object.entries(what.responses).map(([code, answer]) => [
    code, answer.description, words(answer.content?.["application/json"]?.schema),
  ]);
  made.append(el("h3", "Answered"), table(["status", "when", "what"], rows));
  return made;
}

function schemas(all) {
  const made = el("section");
  made.append(el("h2", "What the answers hold"));
  for (const [name, schema] of Object.entries(all)) {
    if (!name.endsWith("Answer")) continue;
    const rows = Object.entries(schema.properties || {}).map(([k, v]) => [k, words(v), v.description || ""]);
    made.append(el("h3", name), el("p", schema.description || ""), table(["field", "type", ""], rows));
  }
  return made;
}

document.getElementById("example").textContent =
  `curl -F files=@photo.jpg -F files=@other.png ${location.origin}/predict`;

fetch("/openapi.json").then((answer) => answer.json()).then((found) => {
  const main = document.getElementById("endpoints");
  for (const [path, methods] of Object.entries(found.paths)) {
    for (const [method, what] of Object.entries(methods)) main.append(endpoint(path, method, what));
  }
  main.append(schemas(found.components?.schemas || {}));
}).catch((error) => {
  document.getElementById("endpoints").append(el("p", `/openapi.json could not be read: ${error.message}`, "fault"));
});
