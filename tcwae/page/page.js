// The address after # says what is shown: #summary, #runs?search=mws, #run?id=...&beside=..., #latents?run=3. Each view fills an
// empty place. Texts are only ever set as text, so that no title or log becomes a part of the page.
"use strict";

const views = {}; // by name: (place, parameters) => nothing or a promise
const loaded = new Map();
let study;

// What the data scripts call.
function load(name, content) {
  loaded.set(name, content);
  if (name === "study") begin(content);
}

// The content of page/<name>.js, whose script is added when it is first wanted.
function need(name) {
  return new Promise((done, failed) => {
    if (loaded.has(name)) return done(loaded.get(name));
    const script = element(document.head, "script", { src: `page/${name}.js` });
    script.onload = () => done(loaded.get(name));
    script.onerror = () => failed(new Error(`page/${name}.js cannot be read: it belongs beside this page.`));
  });
}

function begin(content) {
  study = content;
  document.querySelector("header strong").textContent = study.study;
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address is that of a view
    document.getElementById("main").focus();
  });
  addEventListener("hashchange", async () => {
    const held = document.activeElement.id; // of a control that is there again in the next view
    await route();
    (document.getElementById(held) ?? document.querySelector("h1"))?.focus({ preventScroll: true });
  });
  route();
}

async function route() {
  const [, name, query] = /^#?(\w*)\??(.*)$/s.exec(location.hash);
  const view = name in views ? name : "summary";
  for (const link of document.querySelectorAll("nav a")) {
    const current = link.hash === `#${view}` || (view === "run" && link.hash === "#runs");
    link.toggleAttribute("aria-current", current);
    if (current) link.setAttribute("aria-current", "page");
  }
  const main = document.getElementById("main");
  main.replaceChildren();
  const place = element(main, "div", { className: view });
  try {
    await views[view](place, new URLSearchParams(query));
  } catch (error) {
    element(place, "p", { className: "fault", textContent: error.message });
  }
  if (!place.isConnected) return; // another view has been opened since
  const heading = place.querySelector("h1");
  if (heading) heading.tabIndex = -1;
  document.title = `${heading ? heading.textContent + " – " : ""}${study.study} – tcwae`;
  scrollTo(0, 0);
}

function address(view, parameters) {
  return `#${view}?${new URLSearchParams(parameters)}`;
}

// A file of the study, by its path from this page.
function file(...parts) {
  return parts.map((part) => part.split("/").map(encodeURIComponent).join("/")).join("/");
}

function link(parent, textContent, href) {
  return element(parent, "a", { textContent, href });
}

function text(parent, tag, textContent) {
  return element(parent, tag, { textContent });
}

function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

function shown(value, decimals) {
  if (value === null || value === undefined) return "–";
  const digits = value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return digits.replace(/^-(?=[0.]*$)/, "").replace("-", "−");
}

// A table from the texts of its head and its rows, in a frame that scrolls by itself where the window is narrow.
function table(parent, caption, head, rows) {
  const frame = element(parent, "div", { className: "frame", tabIndex: 0 });
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", caption);
  const made = element(frame, "table");
  if (!head.length) made.className = "pairs";
  else {
    const line = element(element(made, "thead"), "tr");
    for (const cell of head) element(line, "th", { textContent: cell, scope: "col" });
  }
  const body = element(made, "tbody");
  for (const row of rows) {
    const line = element(body, "tr");
    row.forEach((cell, place) => {
      const made = element(line, place ? "td" : "th", { textContent: cell });
      if (!place) made.scope = "row";
    });
  }
  return made;
}

function details(parent, title) {
  const made = element(parent, "details");
  text(made, "summary", title);
  return made;
}

// A run's method with its colour, and its setting and seed.
function nameRun(parent, run) {
  const dot = element(parent, "span", { className: "dot" });
  dot.style.setProperty("background", run.colour);
  parent.append(run.method);
}

function titleOf(run) {
  return `${run.method}, ${run.setting}, seed ${run.seed}`;
}
