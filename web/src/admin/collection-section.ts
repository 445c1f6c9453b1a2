import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';

import { get } from '../api/client.ts';
import { formatNumber, formatShare } from '../i18n/language.ts';
import { figures, shareBar, table } from './tables.ts';
import { admin } from './messages.ts';
import { Section } from './section.ts';
import type { Collection, Rejection } from './types.ts';

const kRejectionsShown = 200;

// What is in the workspace, and what could not be read.
@customElement('collection-section')
export class CollectionSection extends Section {
  @state() private collection?: Collection;
  @state() private rejections: Rejection[] = [];

  protected override async load(signal: AbortSignal): Promise<void> {
    const [collection, { rejections }] = await Promise.all([
      get<Collection>('/v1/collection', { signal }),
      get<{ rejections: Rejection[] }>(`/v1/rejections?limit=${kRejectionsShown}`, { signal }),
    ]);
    this.collection = collection;
    this.rejections = rejections;
  }

  protected override content(): TemplateResult {
    const m = admin().collection;
    const collection = this.collection!;
    return html`
      <div class="lead">
        <p class="soft">${m.lead}</p>
        <a class="button" href="/admin/jobs?new=ingest">${m.ingest}</a>
      </div>
      ${figures([
        [collection.items, m.items],
        [collection.pictures, m.pictures],
        [collection.texts, m.texts],
        [collection.pairs, m.pairs],
      ])}
      ${collection.anonymised ? html`<p class="notice">${m.anonymised}</p>` : nothing}
      <div class="two-columns">
        <section class="panel" aria-labelledby="splits">
          <h2 id="splits">${m.splits}</h2>
          ${this.splits(collection)}
        </section>
        <section class="panel" aria-labelledby="columns">
          <h2 id="columns">${m.columns}</h2>
          ${this.columns(collection)}
        </section>
      </div>
      <section class="panel" aria-labelledby="rejected">
        <h2 id="rejected">${m.rejected}</h2>
        ${this.rejected(collection)}
      </section>
      <section class="panel" aria-labelledby="groups">
        <h2 id="groups">${m.groups}</h2>
        ${collection.groups.length === 0
          ? html`<p class="soft">${m.noGroups}</p>`
          : html`<p class="soft">${m.groupsNote}</p>
              ${table({
                labelledBy: 'groups',
                head: [m.group, { name: m.items, isNumber: true }],
                rows: collection.groups.map((group) => [group.name, formatNumber(group.items)]),
              })}`}
      </section>
    `;
  }

  private splits(collection: Collection): TemplateResult {
    const m = admin().collection;
    const splits = Object.entries(collection.splits);
    if (splits.length === 0) return html`<p class="soft">${m.noSplits}</p>`;
    return html`<p class="soft">${m.splitsNote}</p>
      ${table({
        labelledBy: 'splits',
        head: [m.split, { name: m.items, isNumber: true }, { name: admin().share, isNumber: true }],
        rows: splits.map(([name, items]) => {
          const share = collection.items === 0 ? 0 : items / collection.items;
          return [name, formatNumber(items), html`${shareBar(share)}${formatShare(share)}`];
        }),
      })}`;
  }

  private columns(collection: Collection): TemplateResult {
    const m = admin().collection;
    if (collection.columns.length === 0) return html`<p class="soft">${m.noColumns}</p>`;
    return html`<p class="soft">${m.columnsNote}</p>
      ${table({
        labelledBy: 'columns',
        head: [m.column, m.kind, { name: m.values, isNumber: true }],
        rows: collection.columns.map((column) => [
          column.name,
          column.kind === 'label' ? html`<span class="chip good">${m.label}</span>` : html`<span class="chip">${m.attribute}</span>`,
          formatNumber(column.values),
        ]),
      })}`;
  }

  private rejected(collection: Collection): TemplateResult {
    const m = admin().collection;
    if (collection.rejected === 0) return html`<p class="soft">${m.noRejected}</p>`;
    return html`<p class="soft">${m.rejectedNote(formatNumber(collection.rejected))}</p>
      ${table({
        labelledBy: 'rejected',
        head: [m.place, m.reason, m.hint],
        rows: this.rejections.map((one) => [html`<span class="code">${one.place}</span>`, one.reason, one.hint]),
      })}
      ${collection.rejected > this.rejections.length
        ? html`<p class="soft">${admin().more(formatNumber(collection.rejected - this.rejections.length))}</p>`
        : nothing}`;
  }
}
