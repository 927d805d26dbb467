// A section a run: the input, the picture, a slider a latent. The picture is decoded once a frame, if a slider was moved.
"use strict";

const { source, channels, inputs, runs } = JSON.parse(document.getElementById("data").textContent);

function element(parent, tag, properties = {}) {
  return parent.appendChild(Object.assign(document.createElement(tag), properties));
}

// value(pixel, colour): a byte
function paint(canvas, value) {
  const picture = new ImageData(64, 64);
  for (let pixel = 0; pixel < 64 * 64; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      picture.data[4 * pixel + colour] = value(pixel, channels === 3 ? colour : 0);
    }
    picture.data[4 * pixel + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function canvas(parent, label) {
  const made = element(parent, "canvas", { width: 64, height: 64 });
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", label);
  return made;
}

class Column {
  constructor(run) {
    this.codes = run.codes;
    this.decoder = new Decoder(run.layers);
    this.code = new Float32Array(run.kl.length);
    const section = element(document.querySelector("main"), "section");
    element(section, "h2", { textContent: run.title });
    element(section, "p", { textContent: run.name });
    const pictures = element(section, "div", { className: "pictures" });
    this.input = canvas(pictures, "input");
    this.output = canvas(pictures, "decoded");
    this.time = element(section, "p");
    const table = element(section, "div", { className: "latents" });
    this.sliders = [];
    for (const latent of run.order) this.sliders[latent] = this.slider(table, latent, run.kl[latent], run.reach[latent]);
  }

  slider(table, latent, kl, reach) {
    const id = `latent-${document.querySelectorAll("section").length}-${latent}`;
    const label = element(table, "label", { htmlFor: id, textContent: `z${latent} ` });
    element(label, "small", { textContent: `${kl.toFixed(2)} nats` });
    const slider = element(table, "input", { id, type: "range", min: -reach, max: reach, step: 0.01 });
    const shown = element(table, "output", { htmlFor: id });
    const move = (value) => {
      this.code[latent] = value;
      shown.textContent = value.toFixed(2);
      this.moved = true;
    };
    slider.addEventListener("input", () => move(slider.valueAsNumber));
    return (value) => {
      slider.value = value;
      move(value); // exactly, whatever the slider's step
    };
  }

  show(code) {
    code.forEach((value, latent) => this.sliders[latent](value));
  }

  draw() {
    if (!this.moved) return;
    this.moved = false;
    const start = performance.now();
    const logits = this.decoder.decode(this.code);
    paint(this.output, (pixel, colour) => Math.round(255 / (1 + Math.exp(-logits[4 * pixel + colour]))));
    this.time.textContent = `decoded in ${(performance.now() - start).toFixed(0)} ms`;
  }
}

const columns = runs.map((run) => new Column(run));
const pictures = Uint8Array.from(atob(inputs), (letter) => letter.charCodeAt(0));

function byte(index) {
  return (pixel, colour) => pictures[channels * (64 * 64 * index + pixel) + colour];
}

function choose(index) {
  for (const column of columns) paint(column.input, index === null ? () => 128 : byte(index));
  document.querySelectorAll("nav button").forEach((button, place) => button.setAttribute("aria-pressed", place === index));
}

const nav = document.querySelector("nav");
for (let index = 0; index < runs[0].codes.length; index++) {
  const button = element(nav, "button", { title: `start from input ${index + 1}` });
  paint(canvas(button, `input ${index + 1}`), byte(index));
  button.addEventListener("click", () => {
    choose(index);
    for (const column of columns) column.show(column.codes[index]);
  });
}

function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

for (const [text, title, number] of [
  ["z = 0", "the mean of the prior", () => 0],
  ["z ~ p(z)", "a code of the prior", normal],
]) {
  element(nav, "button", { textContent: text, title }).addEventListener("click", () => {
    choose(null);
    for (const column of columns) column.show(Array.from(column.code, number));
  });
}

function frame() {
  for (const column of columns) column.draw();
  requestAnimationFrame(frame);
}

document.getElementById("source").textContent = source;
nav.firstElementChild.click();
frame();
