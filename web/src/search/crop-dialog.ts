import { html, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';

import { icons } from '../app/icons.ts';
import { View } from '../app/view.ts';
import { formatShare } from '../i18n/language.ts';
import { between, dragCorner, kWhole, move, type Corner, type Part } from './crop-geometry.ts';
import { search } from './messages.ts';
import type { QueryPicture } from './picture.ts';

const kCorners: Corner[] = ['top-left', 'top-right', 'bottom-left', 'bottom-right'];
const kStep = 0.02; // of the picture, for one arrow key; five times that with Shift
const kArrows: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

type Hold = { kind: 'move' } | { kind: 'corner'; corner: Corner } | { kind: 'draw'; x: number; y: number };

// Which part of the picture counts: dragged with a pointer, or moved and sized by keys.
@customElement('crop-dialog')
export class CropDialog extends View {
  @property({ attribute: false }) picture: QueryPicture | undefined;
  @property({ attribute: false }) use: (part: Part) => void = () => undefined;
  @property({ attribute: false }) close: () => void = () => undefined;
  @state() private chosen: Part = kWhole;
  @state() private url = '';
  private hold: Hold | undefined;
  private last = { x: 0, y: 0 };

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    URL.revokeObjectURL(this.url);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('picture') || !this.picture) return;
    URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(this.picture.source);
    this.chosen = this.picture.part;
  }

  protected override firstUpdated(): void {
    this.querySelector('dialog')?.showModal();
  }

  protected override updated(): void {
    const area = this.querySelector<HTMLElement>('.crop-part');
    if (!area || !this.picture) return;
    area.parentElement?.style.setProperty('--ratio', String(this.picture.width / this.picture.height));
    const { x, y, width, height } = this.chosen;
    area.style.left = `${x * 100}%`;
    area.style.top = `${y * 100}%`;
    area.style.width = `${width * 100}%`;
    area.style.height = `${height * 100}%`;
  }

  protected override render(): TemplateResult {
    const m = search();
    const size = m.cropSize(formatShare(this.chosen.width), formatShare(this.chosen.height));
    return html`<dialog
      class="crop"
      aria-labelledby="crop-title"
      aria-describedby="crop-help"
      @close=${() => this.close()}
    >
      <header>
        <h2 id="crop-title">${m.cropTitle}</h2>
        <button class="button quiet icon" type="button" aria-label=${m.cancel} @click=${this.cancel}>
          ${icons.close}
        </button>
      </header>
      <p class="soft small" id="crop-help">${m.cropHelp}</p>
      <div class="crop-stage">
        <div class="crop-picture" @pointerdown=${this.grab} @pointermove=${this.drag} @pointerup=${this.release}>
          <img src=${this.url} alt="" draggable="false" />
          <div
            class="crop-part"
            tabindex="0"
            role="group"
            aria-label="${m.cropArea}: ${size}"
            @keydown=${(event: KeyboardEvent) => this.key(event, undefined)}
          >
            ${kCorners.map(
              (corner) =>
                html`<button
                  type="button"
                  class="crop-corner ${corner}"
                  data-corner=${corner}
                  aria-label=${m.cropCorner[corner]}
                  @keydown=${(event: KeyboardEvent) => this.key(event, corner)}
                ></button>`,
            )}
          </div>
        </div>
      </div>
      <footer>
        <span class="soft small" role="status">${size}</span>
        <button class="button" type="button" @click=${() => (this.chosen = kWhole)}>${m.cropWhole}</button>
        <button class="button primary" type="button" @click=${this.accept}>${m.cropUse}</button>
      </footer>
    </dialog>`;
  }

  private cancel(): void {
    this.querySelector('dialog')?.close();
  }

  private accept(): void {
    this.use(this.chosen);
    this.cancel();
  }

  private place(event: PointerEvent): { x: number; y: number } {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  }

  // A corner is dragged, the part inside is moved, and outside, or while it is the whole, another is drawn.
  private grab(event: PointerEvent): void {
    if (event.button !== 0) return;
    const target = event.target as HTMLElement;
    const corner = target.dataset['corner'] as Corner | undefined;
    this.last = this.place(event);
    if (corner) this.hold = { kind: 'corner', corner };
    else if (target.classList.contains('crop-part') && this.chosen.width * this.chosen.height < 0.98)
      this.hold = { kind: 'move' };
    else this.hold = { kind: 'draw', ...this.last };
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
  }

  private drag(event: PointerEvent): void {
    if (!this.hold) return;
    const at = this.place(event);
    const dx = at.x - this.last.x;
    const dy = at.y - this.last.y;
    this.last = at;
    if (this.hold.kind === 'move') this.chosen = move(this.chosen, dx, dy);
    else if (this.hold.kind === 'corner') this.chosen = dragCorner(this.chosen, this.hold.corner, dx, dy);
    else this.chosen = between(this.hold.x, this.hold.y, at.x, at.y);
  }

  private release(): void {
    this.hold = undefined;
  }

  private key(event: KeyboardEvent, corner: Corner | undefined): void {
    const arrow = kArrows[event.key];
    if (!arrow || (corner === undefined && event.target !== event.currentTarget)) return;
    event.preventDefault();
    const step = event.shiftKey ? 5 * kStep : kStep;
    const [dx, dy] = [arrow[0] * step, arrow[1] * step];
    this.chosen = corner ? dragCorner(this.chosen, corner, dx, dy) : move(this.chosen, dx, dy);
  }
}
