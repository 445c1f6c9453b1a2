// Right and wrong, as judged by the user in this tab. The server keeps them for evaluation.

import * as api from '../api/client.ts';
import type { Hit, Judgement } from '../api/types.ts';
import { announce } from '../app/announce.ts';
import { search } from './messages.ts';
import { pictureOf } from './picture.ts';
import type { SearchState } from './url-state.ts';

const changes = new EventTarget();

interface Judged {
  shown: boolean | undefined;
  kept: boolean | undefined; // by the server
  sending: Promise<void>; // the last one sent: the next goes after it, for the last to come is what counts
}
const judged = new Map<string, Judged>();

function keyOf(state: SearchState, id: string): string {
  return JSON.stringify([state.text, state.picture, state.like, id]);
}

export function judgementOf(state: SearchState, id: string): boolean | undefined {
  return judged.get(keyOf(state, id))?.shown;
}

export function forgetJudgements(): void {
  judged.clear();
}

export function onJudgement(callback: () => void): () => void {
  changes.addEventListener('change', callback);
  return () => changes.removeEventListener('change', callback);
}

function show(one: Judged, right: boolean | undefined): void {
  one.shown = right;
  changes.dispatchEvent(new Event('change'));
}

// The same judgement once more takes it back. Shown at once; undone where the server does not take it and nothing else
// was said since.
export async function judge(state: SearchState, hit: Hit, right: boolean): Promise<void> {
  const key = keyOf(state, hit.id);
  const one = judged.get(key) ?? { shown: undefined, kept: undefined, sending: Promise.resolve() };
  judged.set(key, one);
  const now = one.shown === right ? undefined : right;
  show(one, now);
  const sending = one.sending.catch(() => undefined).then(() => send(state, hit, now));
  one.sending = sending;
  try {
    await sending;
    one.kept = now;
  } catch (error) {
    if (one.sending === sending) show(one, one.kept);
    throw error;
  }
  const m = search();
  announce(now === undefined ? m.judgementTaken : now ? m.judgedRight : m.judgedWrong);
}

async function send(state: SearchState, hit: Hit, right: boolean | undefined): Promise<void> {
  const judgement: Judgement = { id: hit.id, right: right ?? null };
  if (state.text) judgement.text = state.text;
  if (state.like) judgement.item_id = state.like;
  if (hit.rank > 0) judgement.rank = hit.rank;
  if (hit.distance !== null) judgement.distance = hit.distance;
  if (hit.confidence) judgement.confidence = hit.confidence;
  const picture = state.picture ? pictureOf(state.picture)?.sent : undefined;
  await api.post('/v1/feedback', api.form('feedback', judgement, picture), { retry: true });
}
