// What the server says to administrators; its own description is /openapi.json.

export interface Collection {
  items: number;
  pictures: number;
  texts: number;
  pairs: number;
  splits: Record<string, number>;
  columns: { name: string; kind: 'label' | 'attribute'; values: number }[];
  groups: { name: string; items: number }[];
  rejected: number;
  anonymised: boolean;
}

export interface Rejection {
  place: string;
  reason: string;
  hint: string;
}

export interface Space {
  name: string;
  method: string;
  bits: number[];
  generation: number;
  image_encoder: string;
  text_encoder: string;
  served: boolean;
  calibrated: boolean;
  problem?: string;
}

// Precision and recall when everything within `radius` bits of the query is an answer; means over queries.
export interface CurvePoint {
  radius: number;
  precision: number;
  recall: number;
}

export interface EvaluationResult {
  direction: string;
  bits: number;
  map: number;
  ci95: [number, number];
  precision_at: Record<string, number>;
  curve?: CurvePoint[];
}

export interface Evaluation {
  space: string;
  method: string;
  time: string;
  relevance: string;
  database: string;
  query_items: number;
  database_items: number;
  train_in_database: boolean;
  results: EvaluationResult[];
}

export interface Job {
  id: string;
  kind: string;
  owner: string;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  stage?: string;
  done?: number;
  total?: number; // 0: unknown
  note?: string;
  created: string;
  finished?: string;
  arguments: Record<string, string>;
  result?: Record<string, unknown>;
  problem?: { detail: string; hint?: string };
}

export interface User {
  name: string;
  groups: string[];
  disabled?: boolean;
}

export interface Key {
  id: string;
  user: string;
  scopes: string[];
  note?: string;
  created?: string;
  expires?: string | null;
  last_used?: string | null;
  revoked?: boolean;
}

export interface AuditLine {
  seq: number;
  time: string;
  who: string;
  key: string;
  action: string;
  items: string[];
  outcome: string;
  status: number;
  detail?: Record<string, string>;
}

export interface KeptJudgement {
  time: string;
  who: string;
  text?: string;
  item_id?: string;
  image: boolean;
  id: string;
  right: boolean;
  rank?: number | null;
  distance?: number | null;
}
