// Curves of one run or of two: a panel a term. The scale leaves out a twentieth of the values at either end, because the first
// steps would flatten the rest.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 320, HIGH = 150, LEFT = 46, BELOW = 20, ABOVE = 8, RIGHT = 20;

function drawCurves(place, runs) {
  const terms = [...new Set(runs.flatMap((run) => run.terms.map(([term]) => term)))];
  const panels = element(place, "div", { className: "panels" });
  for (const term of terms) {
    const lines = runs.map((run, number) => {
      const values = run.terms.find(([name]) => name === term)?.[1] ?? [];
      return { number, steps: run.steps, values };
    });
    panel(panels, term.replaceAll("_", " "), lines.filter((line) => line.values.some((value) => value !== null)));
  }
}

function panel(place, term, lines) {
  const figure = element(place, "figure");
  const caption = text(figure, "figcaption", term);
  if (!lines.length) return text(figure, "p", "No number in it is finite.");
  const svg = node(figure, "svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
  svg.setAttribute("aria-label", `${term}: ${lines.map(described).join("; ")}`);
  const [low, high] = limits(lines.flatMap((line) => line.values));
  const last = Math.max(...lines.flatMap((line) => line.steps));
  const x = (step) => LEFT + (step / last) * (WIDE - LEFT - RIGHT);
  const y = (value) => ABOVE + ((high - value) / (high - low)) * (HIGH - ABOVE - BELOW);
  for (const value of ticks(low, high, 4)) {
    node(svg, "line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: y(value), y2: y(value) });
    node(svg, "text", { x: LEFT - 5, y: y(value) + 3.5, "text-anchor": "end" }).textContent = brief(value);
  }
  for (const step of ticks(0, last, 4)) {
    node(svg, "text", { x: x(step), y: HIGH - 5, "text-anchor": "middle" }).textContent = step.toLocaleString("en");
  }
  const frame = [LEFT - 1, ABOVE - 1, WIDE - LEFT - RIGHT + 2, HIGH - ABOVE - BELOW + 2]; // what lies beyond is cut off
  const inside = node(svg, "svg", { x: frame[0], y: frame[1], width: frame[2], height: frame[3], viewBox: frame.join(" ") });
  for (const line of lines) node(inside, "path", { class: `line line-${line.number}`, d: path(line, x, y) });
  follow(svg, caption, term, lines, last, node(svg, "line", { class: "cursor", y1: ABOVE, y2: HIGH - BELOW }), x);
}

// The values at the step under the pointer, in the caption.
function follow(svg, caption, term, lines, last, cursor, x) {
  svg.addEventListener("pointermove", (event) => {
    const { left, width } = svg.getBoundingClientRect();
    const step = (((event.clientX - left) / width) * WIDE - LEFT) / (WIDE - LEFT - RIGHT) * last;
    const found = lines.map(({ steps, values }) => {
      const place = steps.findIndex((reached) => reached >= step);
      return [steps.at(place), values.at(place)];
    });
    cursor.setAttribute("x1", x(found[0][0]));
    cursor.setAttribute("x2", x(found[0][0]));
    caption.textContent = `${term}: ${found.map(([, value]) => brief(value)).join(" and ")} at step ${found[0][0].toLocaleString("en")}`;
  });
  svg.addEventListener("pointerleave", () => {
    cursor.removeAttribute("x1");
    cursor.removeAttribute("x2");
    caption.textContent = term;
  });
}

function node(parent, tag, attributes) {
  const made = parent.appendChild(document.createElementNS(SVG, tag));
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function path({ steps, values }, x, y) {
  let pen = "M", drawn = "";
  values.forEach((value, place) => {
    if (value !== null) drawn += `${pen}${x(steps[place]).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = value === null ? "M" : "L";
  });
  return drawn;
}

function limits(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const [low, high] = [0.05, 0.95].map((share) => sorted[Math.round(share * (sorted.length - 1))]);
  const margin = 0.1 * (high - low) || Math.abs(low) / 10 || 0.5;
  return [low - margin, high + margin];
}

// Round numbers between two others: multiples of 1, 2 or 5 times a power of ten.
function ticks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
  const made = [];
  for (let number = Math.ceil(low / step); number * step <= high; number++) made.push(number * step);
  return made;
}

function brief(value) {
  return value === null ? "not finite" : Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 }).replace("-", "−");
}

function described({ steps, values }) {
  return `from ${brief(values[0])} at step ${steps[0]} to ${brief(values.at(-1))} at step ${steps.at(-1)}`;
}
