// What is looked for, as the address says it: every state of the page is a link.

import type { Filter, Find } from '../api/types.ts';

export interface LabelValue {
  column: string;
  value: string;
}

export interface SearchState {
  text: string;
  find: Find;
  filters: LabelValue[];
  weight: number; // with words and a picture: 0 the words alone, 50 both alike, 100 the picture alone
  like: string; // id of an item: more like it
  picture: string; // names a picture that this tab keeps; it cannot travel in a link
  item: string; // id of the item that is open …
  why: boolean; // … and whether it is explained
}

export const kBothAlike = 50;

export const kNothing: SearchState = {
  text: '',
  find: 'any',
  filters: [],
  weight: kBothAlike,
  like: '',
  picture: '',
  item: '',
  why: false,
};

export function parseState(query: string): SearchState {
  const from = new URLSearchParams(query);
  const find = from.get('find');
  const weight = Number(from.get('w') ?? kBothAlike);
  return {
    text: (from.get('q') ?? '').trim(),
    find: find === 'image' || find === 'text' ? find : 'any',
    filters: from.getAll('filter').flatMap((condition) => {
      const equals = condition.indexOf('=');
      return equals > 0 ? [{ column: condition.slice(0, equals), value: condition.slice(equals + 1) }] : [];
    }),
    weight: Number.isFinite(weight) ? Math.min(Math.max(Math.round(weight), 0), 100) : kBothAlike,
    like: from.get('like') ?? '',
    picture: from.get('picture') ?? '',
    item: from.get('item') ?? '',
    why: from.has('item') && from.get('why') === '1',
  };
}

export function formatState(state: SearchState): string {
  const to = new URLSearchParams();
  if (state.text) to.set('q', state.text);
  if (state.picture) to.set('picture', state.picture);
  if (state.like) to.set('like', state.like);
  if (state.find !== 'any') to.set('find', state.find);
  if (state.text && state.picture && state.weight !== kBothAlike) to.set('w', String(state.weight));
  for (const { column, value } of state.filters) to.append('filter', `${column}=${value}`);
  if (state.item) to.set('item', state.item);
  if (state.item && state.why) to.set('why', '1');
  const query = to.toString();
  return query ? `/?${query}` : '/';
}

// The same for two states whose answers are the same.
export function answerKey(state: SearchState): string {
  return formatState({ ...state, item: '' });
}

export function hasQuery(state: SearchState): boolean {
  return state.text !== '' || state.like !== '' || state.picture !== '';
}

export function isStart(state: SearchState): boolean {
  return !hasQuery(state) && state.filters.length === 0;
}

function byColumn(filters: LabelValue[]): Map<string, string[]> {
  const columns = new Map<string, string[]>();
  for (const { column, value } of filters) {
    const values = columns.get(column);
    if (values) values.push(value);
    else columns.set(column, [value]);
  }
  return columns;
}

// Any of the values within a column, over all columns.
export function toFilter(filters: LabelValue[]): Filter | undefined {
  const parts = [...byColumn(filters)].map(([column, values]) => ({ column, in: values }));
  return parts.length > 1 ? { all: parts } : parts[0];
}

// The same as a list of conditions of which each asks for one value a column: what GET /v1/items can be asked.
export function conjunctions(filters: LabelValue[]): LabelValue[][] {
  let all: LabelValue[][] = [[]];
  for (const [column, values] of byColumn(filters))
    all = values.flatMap((value) => all.map((one) => [...one, { column, value }]));
  return all;
}

export function countConjunctions(filters: LabelValue[]): number {
  return [...byColumn(filters).values()].reduce((count, values) => count * values.length, 1);
}

export function hasFilter(filters: LabelValue[], one: LabelValue): boolean {
  return filters.some(({ column, value }) => column === one.column && value === one.value);
}

export function toggleFilter(filters: LabelValue[], one: LabelValue): LabelValue[] {
  return hasFilter(filters, one)
    ? filters.filter(({ column, value }) => column !== one.column || value !== one.value)
    : [...filters, one];
}
