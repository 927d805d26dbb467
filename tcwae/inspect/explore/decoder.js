// The decoder of Table 3 in the page: codes to logits, in plain loops. A picture's numbers lie pixel by pixel, the channels
// of a pixel beside each other. Four outputs are summed at a time, in variables, which a browser keeps in registers; the
// weights lie in the order in which `add` runs through them (explore/page.py): tap, four outputs, input, output.
"use strict";

// Numbers of 16 bits: their bits, 13 places further up, are those of a float that is 2^112 times too small.
function numbers(base64) {
  const halves = new Uint16Array(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
  const bits = Uint32Array.from(halves, (half) => ((half & 0x8000) << 16) | ((half & 0x7fff) << 13));
  return new Float32Array(bits.buffer).map((value) => value * 2 ** 112);
}

class Decoder {
  constructor(layers) {
    this.layers = layers.map(({ size, inputs, weight, bias }) => ({
      size, // of the picture that a transposed convolution is given; 0 for a linear layer
      inputs,
      weight: numbers(weight),
      bias: numbers(bias),
    }));
    for (const layer of this.layers) layer.result = new Float32Array(layer.bias.length * (2 * layer.size || 1) ** 2);
  }

  // The logits of 64 x 64 pixels, four numbers each, of which the first is a grey one's and the first three a coloured one's.
  decode(code) {
    let input = code;
    this.layers.forEach((layer, index) => {
      if (index > 0) for (let i = 0; i < input.length; i++) if (input[i] < 0) input[i] = 0;
      (layer.size ? transposed : linear)(layer, input);
      input = layer.result;
    });
    return input;
  }
}

function linear({ inputs, weight, bias, result }, input) {
  result.set(bias);
  for (let r = 0; r < result.length; r += 4) add(input, 0, inputs, weight, r * inputs, result, r);
}

// Kernel 4, stride 2, padding 1: the pixel (row, column) of the input adds to the pixels (2 row - 1 .. 2 row + 2,
// 2 column - 1 .. 2 column + 2), each by a tap of its own; so to an output's pixel four of the input add.
function transposed({ size, inputs, weight, bias, result }, input) {
  const outputs = bias.length;
  for (let y = 0, pixel = 0; y < 2 * size; y++) {
    for (let x = 0; x < 2 * size; x++, pixel += outputs) {
      result.set(bias, pixel);
      for (let row = (y - 1) >> 1; row <= (y + 1) >> 1; row++) {
        for (let column = (x - 1) >> 1; column <= (x + 1) >> 1; column++) {
          if (row < 0 || row >= size || column < 0 || column >= size) continue;
          const tap = 4 * (y + 1 - 2 * row) + (x + 1 - 2 * column);
          for (let output = 0; output < outputs; output += 4) {
            const first = (tap * outputs + output) * inputs;
            add(input, (row * size + column) * inputs, inputs, weight, first, result, pixel + output);
          }
        }
      }
    }
  }
}

function add(input, first, count, weight, w, result, r) {
  let [a, b, c, d] = [result[r], result[r + 1], result[r + 2], result[r + 3]];
  for (let i = first; i < first + count; i++, w += 4) {
    const value = input[i];
    a += value * weight[w];
    b += value * weight[w + 1];
    c += value * weight[w + 2];
    d += value * weight[w + 3];
  }
  [result[r], result[r + 1], result[r + 2], result[r + 3]] = [a, b, c, d];
}
