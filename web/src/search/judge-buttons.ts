import { html, type TemplateResult } from 'lit';

import type { Hit } from '../api/types.ts';
import { icons } from '../app/icons.ts';
import { judgementOf } from './judgements.ts';
import { search } from './messages.ts';
import type { SearchState } from './url-state.ts';

// Right or wrong; pressing the one that is pressed takes it back.
export function judgeButtons(
  state: SearchState,
  hit: Hit,
  judge: (hit: Hit, right: boolean) => void,
  tab = 0,
): TemplateResult {
  const m = search();
  const judged = judgementOf(state, hit.id);
  const button = (right: boolean): TemplateResult =>
    html`<button
      class="button quiet icon ${right ? 'right' : 'wrong'}"
      type="button"
      tabindex=${tab}
      aria-pressed=${judged === right ? 'true' : 'false'}
      aria-label=${right ? m.right : m.wrong}
      title=${right ? m.right : m.wrong}
      @click=${() => judge(hit, right)}
    >
      ${right ? icons.right : icons.wrong}
    </button>`;
  return html`<span class="judge" role="group" aria-label=${m.judge}>${button(true)}${button(false)}</span>`;
}
