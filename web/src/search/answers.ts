// Asks for hits and keeps the last answers: going back shows at once what was there. Whatever else asks, asks anew, for
// items come and go.

import * as api from '../api/client.ts';
import { path } from '../api/client.ts';
import type { Hit, Item, Query, SearchAnswer } from '../api/types.ts';
import { may, session, sessionLookedUp } from '../app/session.ts';
import { pictureOf } from './picture.ts';
import {
  answerKey,
  conjunctions,
  countConjunctions,
  hasQuery,
  kBothAlike,
  toFilter,
  type LabelValue,
  type SearchState,
} from './url-state.ts';

export const kPage = 24; // hits
const kMostKept = 20; // answers

export interface Answer {
  hits: Hit[];
  bits: number; // 0: nothing was compared
  noGoodMatch: boolean;
  next: (() => Promise<Answer>) | undefined; // the following page
}

// The picture that the address names is not in this tab.
export class PictureMissing extends Error {}

const answers = new Map<string, Promise<Answer>>();

// `mayBeKept`: an answer of before will do.
export function answerTo(state: SearchState, mayBeKept: boolean): Promise<Answer> {
  const key = answerKey(state);
  const kept = answers.get(key);
  if (kept && mayBeKept) return kept;
  answers.delete(key); // the last one asked for is the last to be dropped
  const answer = hasQuery(state) ? search(queryOf(state), state) : browseBy(state.filters);
  answers.set(key, answer);
  answer.catch(() => {
    if (answers.get(key) === answer) answers.delete(key);
  });
  const [oldest] = answers.keys();
  if (answers.size > kMostKept && oldest !== undefined) answers.delete(oldest);
  return answer;
}

// A later look at the same address shows all pages that were loaded.
export function keepAnswer(state: SearchState, answer: Answer): void {
  answers.set(answerKey(state), Promise.resolve(answer));
}

// At the ends of the slider the other side is not asked at all.
export function sides(state: SearchState): { asksByWords: boolean; asksByPicture: boolean } {
  const isBoth = state.text !== '' && state.picture !== '';
  return {
    asksByWords: state.text !== '' && !(isBoth && state.weight === 100),
    asksByPicture: state.picture !== '' && !(isBoth && state.weight === 0),
  };
}

export function queryOf(state: SearchState): Query {
  const query: Query = { limit: kPage };
  const { asksByWords, asksByPicture } = sides(state);
  if (asksByWords) query.text = state.text;
  if (state.like) query.item_id = state.like;
  if (state.find !== 'any') query.find = state.find;
  const filter = toFilter(state.filters);
  if (filter) query.filter = filter;
  // In the middle words and picture make one code together; elsewhere each counts by itself.
  if (asksByWords && asksByPicture && state.weight !== kBothAlike)
    query.weights = { text: 1 - state.weight / 100, image: state.weight / 100 };
  return query;
}

async function search(query: Query, state: SearchState): Promise<Answer> {
  const picture = state.picture ? pictureOf(state.picture) : undefined;
  if (state.picture && !picture) throw new PictureMissing();
  const sent = sides(state).asksByPicture ? picture?.sent : undefined;
  const [found] = await Promise.all([
    api.post<SearchAnswer>('/v1/search', api.form('query', query, sent), { retry: true }),
    sessionLookedUp(),
  ]);
  const seesPictures = !session() || may('read'); // a key that may only search is refused them
  const { cursor } = found;
  return {
    hits: seesPictures ? found.hits : found.hits.map((hit) => ({ ...hit, thumb: null })),
    bits: found.bits,
    noGoodMatch: found.no_good_match,
    next: cursor === undefined ? undefined : () => search({ ...query, cursor }, state),
  };
}

interface ItemPage {
  items: Item[];
  cursor?: string;
}

const kMostConditions = 32; // that are asked for in turn

// So many labels are chosen in so many columns that they cannot be asked for in turn.
export class TooManyLabels extends Error {}

async function browseBy(filters: LabelValue[]): Promise<Answer> {
  if (countConjunctions(filters) > kMostConditions) throw new TooManyLabels();
  return browse(conjunctions(filters));
}

// Items with labels, nothing being looked for. GET /v1/items takes one value a column, so several are asked for in turn;
// an item that has two of them comes once.
async function browse(conditions: LabelValue[][], cursor = '', seen = new Set<string>()): Promise<Answer> {
  const [first, ...others] = conditions;
  if (!first) return { hits: [], bits: 0, noGoodMatch: false, next: undefined };
  const asked = new URLSearchParams({ limit: String(kPage) });
  if (cursor) asked.set('cursor', cursor);
  for (const { column, value } of first) asked.append('filter', `${column}=${value}`);
  const page = await api.get<ItemPage>(`/v1/items?${asked}`);
  const items = page.items.filter(({ id }) => !seen.has(id));
  // A copy: a page that is thrown away and asked for again must bring the same items.
  const known = new Set([...seen, ...items.map(({ id }) => id)]);
  const next =
    page.cursor !== undefined
      ? () => browse(conditions, page.cursor, known)
      : others.length > 0
        ? () => browse(others, '', known)
        : undefined;
  if (items.length === 0 && next) return next();
  return { hits: items.map(asHit), bits: 0, noGoodMatch: false, next };
}

// An item that nothing was compared with.
export function asHit(item: Item): Hit {
  const { id, text, labels, attributes, uri, thumb } = item;
  const modality = thumb ? (text ? 'both' : 'image') : 'text';
  return { rank: 0, id, modality, distance: null, score: 0, channels: [], uri, thumb, text, labels, attributes };
}

const items = new Map<string, Promise<Item>>();

// Somebody else may sign in, who may see other things.
export function forgetAnswers(): void {
  answers.clear();
  items.clear();
}

export function itemOf(id: string): Promise<Item> {
  const known = items.get(id);
  if (known) return known;
  const item = api.get<Item>(path`/v1/items/${id}`);
  items.set(id, item);
  item.catch(() => items.delete(id));
  return item;
}
