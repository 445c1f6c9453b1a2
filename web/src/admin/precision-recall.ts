import { html, nothing, svg, type SVGTemplateResult, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { View } from '../app/view.ts';
import { formatNumber } from '../i18n/language.ts';
import { frameFor, hasAnswers, nearestPoint, pathOf, xOf, yOf, type Frame } from './curve-layout.ts';
import { admin } from './messages.ts';
import { table } from './tables.ts';
import { three } from './three.ts';
import type { CurvePoint } from './types.ts';

export interface Line {
  bits: number;
  curve: CurvePoint[];
}

const kTicks = [0, 0.2, 0.4, 0.6, 0.8, 1];
const kPatterns = 5; // lines told apart by colour and dashes, .series-0 to .series-4

// Precision over recall, a line for each code length; the numbers behind it are in a table for whoever wants them, or
// does not see the drawing.
@customElement('precision-recall')
export class PrecisionRecall extends View {
  @property({ attribute: false }) lines: Line[] = [];
  @property() direction = '';
  @state() private left = new Set<number>(); // code lengths that are not shown
  @state() private width = 0;
  @state() private pointed?: { of: Line; point: CurvePoint };
  private readonly sizes = new ResizeObserver(() => this.measure());

  override connectedCallback(): void {
    super.connectedCallback();
    this.sizes.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.sizes.disconnect();
  }

  private measure(): void {
    this.width = Math.round(Math.min(this.clientWidth, 760));
  }

  protected override render(): TemplateResult {
    const m = admin().spaces;
    const shown = this.lines.filter((line) => !this.left.has(line.bits));
    return html`
      <fieldset class="line-names">
        <legend class="visually-hidden">${m.show}</legend>
        ${this.lines.map(
          (line, i) => html`<label>
            <input type="checkbox" .checked=${!this.left.has(line.bits)} @change=${() => this.toggle(line.bits)} />
            <svg class="line-swatch series-${i % kPatterns}" viewBox="0 0 28 8" width="28" height="8" aria-hidden="true"><path d="M1 4H27" /></svg>
            ${m.bitsOf(String(line.bits))}
          </label>`,
        )}
      </fieldset>
      ${this.width > 0 ? this.drawing(frameFor(this.width), shown) : nothing}
      <p class="small soft pointed">
        ${this.pointed
          ? m.pointed(
              String(this.pointed.of.bits),
              String(this.pointed.point.radius),
              three(this.pointed.point.precision),
              three(this.pointed.point.recall),
            )
          : m.curveNote}
      </p>
      ${shown.map(
        (line) => html`<details>
          <summary id="numbers-${line.bits}">${m.numbers(String(line.bits))}</summary>
          ${table({
            labelledBy: `numbers-${line.bits}`,
            head: [m.radius, m.precision, m.recall].map((name) => ({ name, isNumber: true })),
            rows: line.curve.map((point) => [
              String(point.radius),
              hasAnswers(point) ? three(point.precision) : '–',
              three(point.recall),
            ]),
          })}
        </details>`,
      )}
    `;
  }

  private drawing(frame: Frame, shown: Line[]): TemplateResult {
    const m = admin().spaces;
    return html`<svg
      class="curve"
      role="img"
      aria-label=${m.curveSays(m.directions[this.direction] ?? this.direction, shown.map(inWords).join(' '))}
      width=${frame.width}
      height=${frame.height}
      viewBox="0 0 ${frame.width} ${frame.height}"
      @pointermove=${(event: PointerEvent) => {
        const box = (event.currentTarget as SVGElement).getBoundingClientRect();
        this.pointed = nearestPoint(frame, shown, event.clientX - box.left, event.clientY - box.top);
      }}
      @pointerleave=${() => (this.pointed = undefined)}
    >
      ${kTicks.map((tick) => this.gridAt(frame, tick))}
      <text class="axis" x=${(frame.left + frame.width - frame.right) / 2} y=${frame.height - 4} text-anchor="middle">${m.recall}</text>
      <text class="axis" text-anchor="middle" transform="translate(12 ${(frame.top + frame.height - frame.bottom) / 2}) rotate(-90)">${m.precision}</text>
      ${shown.map((line) => svg`<path class="line series-${this.lines.indexOf(line) % kPatterns}" d=${pathOf(frame, line.curve)} />`)}
      ${this.pointed
        ? svg`<circle class="here series-${this.lines.indexOf(this.pointed.of) % kPatterns}" r="5"
            cx=${xOf(frame, this.pointed.point.recall)} cy=${yOf(frame, this.pointed.point.precision)} />`
        : nothing}
    </svg>`;
  }

  private gridAt(frame: Frame, tick: number): SVGTemplateResult {
    const x = xOf(frame, tick);
    const y = yOf(frame, tick);
    const name = formatNumber(tick);
    return svg`
      <path class="grid" d="M${x} ${frame.top}V${frame.height - frame.bottom}M${frame.left} ${y}H${frame.width - frame.right}" />
      <text class="tick" x=${x} y=${frame.height - frame.bottom + 16} text-anchor="middle">${name}</text>
      <text class="tick" x=${frame.left - 6} y=${y + 4} text-anchor="end">${name}</text>`;
  }

  private toggle(bits: number): void {
    const left = new Set(this.left);
    if (!left.delete(bits)) left.add(bits);
    this.left = left;
    this.pointed = undefined;
  }
}

// A line in a sentence: where it begins and how precise it still is when half of what is right has been found.
function inWords(line: Line): string {
  const m = admin().spaces;
  const known = line.curve.filter(hasAnswers);
  const half = known.find((point) => point.recall >= 0.5) ?? known.at(-1);
  return half ? m.curveLine(String(line.bits), three(half.precision), three(half.recall)) : '';
}
