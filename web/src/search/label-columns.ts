// The label columns and their values, asked for once: filters and the start show them.

import * as api from '../api/client.ts';
import { path } from '../api/client.ts';
import type { ValueCount } from '../api/types.ts';

export interface LabelColumn {
  name: string;
  values: ValueCount[]; // most frequent first
}

let loaded: Promise<LabelColumn[]> | undefined;

export function labelColumns(): Promise<LabelColumn[]> {
  loaded ??= load();
  loaded.catch(() => (loaded = undefined));
  return loaded;
}

async function load(): Promise<LabelColumn[]> {
  const { columns } = await api.get<{ columns: string[] }>('/v1/labels');
  return Promise.all(
    columns.map(async (name) => {
      const { values } = await api.get<{ values: ValueCount[] }>(path`/v1/labels/${name}`);
      return { name, values: values.sort((a, b) => b.items - a.items) };
    }),
  );
}

export function forgetLabelColumns(): void {
  loaded = undefined;
}
