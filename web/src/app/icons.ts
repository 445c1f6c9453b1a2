import { svg, html, type SVGTemplateResult, type TemplateResult } from 'lit';

// Line icons on a 24 × 24 grid. They say nothing to a screen reader: the button that holds one has its own name.
function icon(content: SVGTemplateResult): TemplateResult {
  return html`<svg
    viewBox="0 0 24 24"
    width="20"
    height="20"
    fill="none"
    stroke="currentColor"
    stroke-width="1.75"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    ${content}
  </svg>`;
}

export const icons = {
  search: icon(svg`<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>`),
  picture: icon(
    svg`<rect x="3.5" y="5" width="17" height="14" rx="2"/><circle cx="9" cy="10" r="1.5"/><path d="m4 17 5-4 3.5 3 3-2.5 4.5 4"/>`,
  ),
  camera: icon(
    svg`<path d="M4 8h3.5L9 5.5h6L16.5 8H20a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1z"/><circle cx="12" cy="13" r="3.5"/>`,
  ),
  crop: icon(svg`<path d="M6.5 2.5v15h15M2.5 6.5h15v15"/>`),
  close: icon(svg`<path d="m6 6 12 12M18 6 6 18"/>`),
  filter: icon(svg`<path d="M4 6h16M7 12h10M10 18h4"/>`),
  more: icon(
    svg`<rect x="3.5" y="3.5" width="7" height="7" rx="1.5"/><rect x="13.5" y="3.5" width="7" height="7" rx="1.5"/><rect x="3.5" y="13.5" width="7" height="7" rx="1.5"/><path d="M17 14v6M14 17h6"/>`,
  ),
  why: icon(
    svg`<path d="M9.2 9.3a2.9 2.9 0 1 1 4.2 2.6c-.9.5-1.4 1-1.4 2.1"/><path d="M12 17.2v.1"/><circle cx="12" cy="12" r="9"/>`,
  ),
  right: icon(svg`<path d="m5 12.5 4.5 4.5L19 7.5"/>`),
  wrong: icon(svg`<path d="m7 7 10 10M17 7 7 17"/>`),
  previous: icon(svg`<path d="m14.5 6-6 6 6 6"/>`),
  next: icon(svg`<path d="m9.5 6 6 6-6 6"/>`),
  sun: icon(
    svg`<circle cx="12" cy="12" r="4"/><path d="M12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M5.6 18.4l1.1-1.1M17.3 6.7l1.1-1.1"/>`,
  ),
  moon: icon(svg`<path d="M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z"/>`),
  system: icon(svg`<circle cx="12" cy="12" r="8.5"/><path d="M12 3.5v17a8.5 8.5 0 0 0 0-17z" fill="currentColor"/>`),
};

// The tally: a token split in two, whose edges match only each other.
export const tally = html`<svg
  class="tally"
  viewBox="0 0 32 32"
  width="26"
  height="26"
  aria-hidden="true"
  focusable="false"
>
  <path class="left" d="M7 2h10l-3 6 4 5-5 6 4 5-3 6H7a3 3 0 0 1-3-3V5a3 3 0 0 1 3-3z" />
  <path class="right" d="M20 2h5a3 3 0 0 1 3 3v22a3 3 0 0 1-3 3h-8l3-6-4-5 5-6-4-5z" />
</svg>`;
