import { html, nothing, type TemplateResult } from 'lit';

import { connection } from '../api/connection.ts';
import { Problem, ServerAway } from '../api/problem.ts';
import { shell } from './messages.ts';

// Whether to ask the same once more: not where the server has said no to what was asked, nor while it is away.
function mayHelp(error: unknown): boolean {
  if (error instanceof ServerAway) return connection() === 'here'; // else the page asks when it is back
  return !(error instanceof Problem) || error.status >= 500 || error.status === 429 || error.status === 408;
}

// An error as people need it: what is wrong, what to do next, and the id that the server's log has it under.
export function problemNotice(error: unknown, retry?: () => void): TemplateResult {
  const m = shell();
  const isAway = error instanceof ServerAway;
  const problem = error instanceof Problem ? error : undefined;
  const said = error instanceof Error ? error.message : String(error);
  const known = problem && m.problems[problem.code];
  const [what, hint] = isAway ? [m.away, m.awayHint] : (known ?? [said, problem?.hint]);
  return html`<div class="notice bad" role="alert">
    <div class="body">
      <strong>${what}</strong>
      ${hint ? html`<span>${hint}</span>` : nothing}
      ${known ? html`<span class="small soft notice-more" lang="en">${said}</span>` : nothing}
      ${
        problem && problem.status >= 500 && problem.request
          ? html`<span class="small soft code notice-more">${m.request(problem.request)}</span>`
          : nothing
      }
    </div>
    ${retry && mayHelp(error) ? html`<button class="button" type="button" @click=${retry}>${m.retry}</button>` : nothing}
  </div>`;
}
