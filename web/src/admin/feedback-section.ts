import { html, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';

import { get } from '../api/client.ts';
import { formatNumber, formatTime } from '../i18n/language.ts';
import { admin } from './messages.ts';
import { Section } from './section.ts';
import { figures, table } from './tables.ts';
import type { KeptJudgement } from './types.ts';

const kShown = 200;

interface Feedback {
  judgements: KeptJudgement[]; // newest first
  right: number;
  wrong: number;
  queries: number;
}

// What people said of hits.
@customElement('feedback-section')
export class FeedbackSection extends Section {
  @state() private feedback?: Feedback;

  protected override async load(signal: AbortSignal): Promise<void> {
    this.feedback = await get<Feedback>(`/v1/feedback?limit=${kShown}`, { signal });
  }

  protected override content(): TemplateResult {
    const m = admin().feedback;
    const { judgements, right, wrong, queries } = this.feedback!;
    return html`
      <p class="soft">${m.lead}</p>
      ${figures([
        [queries, m.queries],
        [right, m.right],
        [wrong, m.wrong],
      ])}
      <section class="panel" aria-labelledby="latest">
        <h2 id="latest">${m.latest}</h2>
        ${judgements.length === 0
          ? html`<p class="soft">${m.nothing}</p>`
          : table({
              labelledBy: 'latest',
              head: [m.time, m.who, m.query, m.hit, m.judgement, { name: m.rank, isNumber: true }, { name: m.distance, isNumber: true }],
              rows: judgements.map((one) => [
                html`<time datetime=${one.time}>${formatTime(one.time)}</time>`,
                one.who,
                queryOf(one),
                html`<a class="code" href="/?item=${encodeURIComponent(one.id)}">${one.id}</a>`,
                one.right ? html`<span class="chip good">${m.right}</span>` : html`<span class="chip bad">${m.wrong}</span>`,
                one.rank == null ? '' : formatNumber(one.rank),
                one.distance == null ? '' : formatNumber(one.distance),
              ]),
            })}
      </section>
      <p class="soft">${m.use} <code>warifu feedback --output qrels --queries judged.jsonl</code></p>
    `;
  }
}

// What was asked, in words; what can be asked again is a link.
function queryOf(judgement: KeptJudgement): TemplateResult | string {
  const m = admin().feedback;
  if (judgement.item_id)
    return html`<a href="/?like=${encodeURIComponent(judgement.item_id)}">${m.like(judgement.item_id)}</a>`;
  if (!judgement.text) return m.aPicture;
  if (judgement.image) return m.and(judgement.text);
  return html`<a href="/?q=${encodeURIComponent(judgement.text)}">${judgement.text}</a>`;
}
