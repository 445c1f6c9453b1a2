// Right and wrong, as judged by the user in this tab. The server keeps them for evaluation.

import * as api from '../api/client.ts';
import type { Hit, Judgement } from '../api/types.ts';
import { announce } from '../app/announce.ts';
import { search } from './messages.ts';
import { pictureOf } from './picture.ts';
import type { SearchState } from './url-state.ts';

const changes = new EventTarget();
const judged = new Map<string, boolean>();

function keyOf(state: SearchState, id: string): string {
  return JSON.stringify([state.text, state.picture, state.like, id]);
}

export function judgementOf(state: SearchState, id: string): boolean | undefined {
  return judged.get(keyOf(state, id));
}

export function forgetJudgements(): void {
  judged.clear();
}

export function onJudgement(callback: () => void): () => void {
  changes.addEventListener('change', callback);
  return () => changes.removeEventListener('change', callback);
}

function set(key: string, right: boolean | undefined): void {
  if (right === undefined) judged.delete(key);
  else judged.set(key, right);
  changes.dispatchEvent(new Event('change'));
}

// The same judgement once more takes it back. Shown at once; undone where the server does not take it.
export async function judge(state: SearchState, hit: Hit, right: boolean): Promise<void> {
  const key = keyOf(state, hit.id);
  const before = judged.get(key);
  const now = before === right ? undefined : right;
  set(key, now);
  const judgement: Judgement = { id: hit.id, right: now ?? null };
  if (state.text) judgement.text = state.text;
  if (state.like) judgement.item_id = state.like;
  if (hit.rank > 0) judgement.rank = hit.rank;
  if (hit.distance !== null) judgement.distance = hit.distance;
  if (hit.confidence) judgement.confidence = hit.confidence;
  const m = search();
  try {
    const picture = state.picture ? pictureOf(state.picture)?.sent : undefined;
    await api.post('/v1/feedback', api.form('feedback', judgement, picture), { retry: true });
    announce(now === undefined ? m.judgementTaken : now ? m.judgedRight : m.judgedWrong);
  } catch (error) {
    set(key, before);
    throw error;
  }
}
