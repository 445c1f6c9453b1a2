// What the server says and takes; its own description is /openapi.json.

export type Modality = 'image' | 'text' | 'both';
export type Find = 'any' | 'image' | 'text';
export type Confidence = 'likely' | 'unsure' | 'weak';
export type Channel = 'code' | 'words' | 'text' | 'image';
export type Labels = Record<string, string[]>;

export type Filter = { column: string; in: string[] } | { all: Filter[] };

export interface Query {
  text?: string;
  item_id?: string;
  find?: Find;
  filter?: Filter;
  weights?: { text: number; image: number };
  limit?: number;
  cursor?: string;
}

export interface Hit {
  rank: number;
  id: string;
  modality: Modality;
  distance: number | null;
  score: number;
  probability?: number;
  confidence?: Confidence;
  channels: Channel[];
  words?: string[];
  uri: string;
  thumb: string | null;
  text: string;
  labels: Labels;
  attributes: Labels;
}

export interface SearchAnswer {
  space: string;
  bits: number;
  hits: Hit[];
  cursor?: string;
  no_good_match: boolean;
  reranked: boolean;
}

export interface Item {
  id: string;
  text: string;
  labels: Labels;
  attributes: Labels;
  groups: string[];
  uri: string;
  thumb: string | null;
  original_uri?: string;
}

export interface Suggestion {
  column: string;
  value: string;
  items: number;
}

export interface ValueCount {
  value: string;
  items: number;
}

export interface Session {
  name: string;
  scopes: string[];
  groups: string[];
}

export interface Status {
  items: number;
  space: string;
  bits: number;
  version: string;
}

export interface Patches {
  rows: number;
  columns: number;
  frame: { x: number; y: number; width: number; height: number };
  weights: number[];
  named: { row: number; column: number; weight: number; bits: number[] }[];
}

export interface WeightedWord {
  word: string;
  start: number; // in code points of the text
  end: number;
  weight: number;
  bits: number[];
  named: boolean;
}

export interface ExplainedSide {
  modality: Modality;
  patches?: Patches;
  words?: WeightedWord[];
  text?: string;
  alignments?: { row: number; column: number; phrase: string; cosine: number }[];
}

export interface Explanation {
  space: string;
  bits: number;
  id: string;
  modality: Modality;
  distance: number;
  sentence: string;
  code: { query: string; item: string; shared: number; differing: number[] };
  query: ExplainedSide;
  item: ExplainedSide;
}

export interface ExplainRequest {
  text?: string;
  item_id?: string;
  id: string;
  modality?: Modality;
  language?: 'en' | 'ja';
}

export interface Judgement {
  text?: string;
  item_id?: string;
  id: string;
  right: boolean | null;
  rank?: number;
  distance?: number;
  confidence?: Confidence;
}
