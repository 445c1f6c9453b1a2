import { html, nothing, type TemplateResult } from 'lit';

import { Problem, ServerAway } from '../api/problem.ts';
import { shell } from './messages.ts';

// An error as people need it: what is wrong, what to do next, and the id that the server's log has it under.
export function problemNotice(error: unknown, retry?: () => void): TemplateResult {
  const m = shell();
  const isAway = error instanceof ServerAway;
  const problem = error instanceof Problem ? error : undefined;
  const what = isAway ? m.away : error instanceof Error ? error.message : String(error);
  const hint = isAway ? m.awayHint : problem?.hint;
  return html`<div class="notice bad" role="alert">
    <div class="body">
      <strong>${what}</strong>
      ${hint ? html`<span>${hint}</span>` : nothing}
      ${problem && problem.status >= 500 && problem.request
        ? html`<span class="small soft code">${m.request(problem.request)}</span>`
        : nothing}
    </div>
    ${retry && !isAway ? html`<button class="button" type="button" @click=${retry}>${m.retry}</button>` : nothing}
  </div>`;
}
