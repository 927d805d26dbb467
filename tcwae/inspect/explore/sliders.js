// Runs side by side, each with the input, the picture and a slider a latent; they start from the same image or code.
"use strict";

function element(parent, tag, properties = {}) {
  return parent.appendChild(Object.assign(document.createElement(tag), properties));
}

// Fills `root`; returns the columns, a run each. A picture is decoded once a frame, if a slider was moved.
function sliders(root, { channels, inputs, runs }) {
  root.classList.add("sliders");
  const starts = element(root, "div", { className: "starts" });
  starts.setAttribute("role", "group");
  starts.setAttribute("aria-label", "where to start");
  const place = element(root, "div", { className: "columns" });
  const columns = runs.map((run) => new Column(place, run, channels));
  const pictures = Uint8Array.from(atob(inputs), (letter) => letter.charCodeAt(0));
  const byte = (index) => (pixel, colour) => pictures[channels * (64 * 64 * index + pixel) + colour];

  function start(button, input, code) {
    for (const column of columns) {
      paint(column.input, channels, input);
      column.show(code(column));
    }
    for (const other of starts.children) other.setAttribute("aria-pressed", other === button);
  }

  for (let index = 0; index < runs[0].codes.length; index++) {
    const button = element(starts, "button", { title: `start from input ${index}` });
    paint(canvas(button, `input ${index}`), channels, byte(index));
    button.addEventListener("click", () => start(button, byte(index), (column) => column.codes[index]));
  }
  for (const [text, title, number] of [
    ["z = 0", "the mean of the prior", () => 0],
    ["z ~ p(z)", "a code of the prior", normal],
  ]) {
    const button = element(starts, "button", { textContent: text, title });
    button.addEventListener("click", () => start(button, () => 128, (column) => Array.from(column.code, number)));
  }
  starts.firstElementChild.click();

  (function frame() {
    for (const column of columns) column.draw();
    if (root.isConnected) requestAnimationFrame(frame);
  })();
  return columns;
}

class Column {
  constructor(place, run, channels) {
    this.codes = run.codes;
    this.channels = channels;
    this.decoder = new Decoder(run.layers);
    this.code = new Float32Array(run.kl.length);
    const section = element(place, "section");
    element(section, "h2", { textContent: run.title });
    element(section, "p", { textContent: run.name });
    const pictures = element(section, "div", { className: "pictures" });
    this.input = canvas(pictures, "input");
    this.output = canvas(pictures, "decoded");
    this.time = element(section, "p");
    const table = element(section, "div", { className: "latents" });
    this.sliders = [];
    const number = place.children.length;
    for (const latent of run.order) {
      this.sliders[latent] = this.slider(table, `latent-${number}-${latent}`, latent, run.kl[latent], run.reach[latent]);
    }
  }

  slider(table, id, latent, kl, reach) {
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
    paint(this.output, this.channels, (pixel, colour) => Math.round(255 / (1 + Math.exp(-logits[4 * pixel + colour]))));
    this.time.textContent = `decoded in ${(performance.now() - start).toFixed(0)} ms`;
  }
}

function canvas(parent, label) {
  const made = element(parent, "canvas", { width: 64, height: 64 });
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", label);
  return made;
}

// value(pixel, colour): a byte
function paint(canvas, channels, value) {
  const picture = new ImageData(64, 64);
  for (let pixel = 0; pixel < 64 * 64; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      picture.data[4 * pixel + colour] = value(pixel, channels === 3 ? colour : 0);
    }
    picture.data[4 * pixel + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}
