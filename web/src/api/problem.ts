// Why the server did not do what it was asked to (RFC 9457).
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string, // a word that does not change, such as not_found
    detail: string,
    readonly hint: string, // what to do next; empty: nothing is known
    readonly request: string, // its id in the server's logs
  ) {
    super(detail);
    this.name = 'Problem';
  }
}

// The server did not answer at all.
export class ServerAway extends Error {
  constructor() {
    super('the server does not answer');
    this.name = 'ServerAway';
  }
}

export async function problemOf(response: Response): Promise<Problem> {
  const request = response.headers.get('X-Request-Id') ?? '';
  try {
    const said = (await response.json()) as Record<string, unknown>;
    const text = (name: string): string => (typeof said[name] === 'string' ? said[name] : '');
    return new Problem(response.status, text('code'), text('detail') || text('title'), text('hint'), request);
  } catch {
    return new Problem(response.status, '', `${response.status} ${response.statusText}`.trim(), '', request);
  }
}
