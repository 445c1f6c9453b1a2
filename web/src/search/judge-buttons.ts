import { html, nothing, type TemplateResult } from 'lit';

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
  { tab = 0, withWords = false } = {},
): TemplateResult {
  const m = search();
  const judged = judgementOf(state, hit.id);
  const button = (right: boolean): TemplateResult => {
    const name = right ? m.right : m.wrong;
    return html`<button
      class="button ${withWords ? '' : 'quiet icon'} ${right ? 'right' : 'wrong'}"
      type="button"
      tabindex=${tab}
      aria-pressed=${judged === right ? 'true' : 'false'}
      aria-label=${name}
      title=${name}
      @click=${() => judge(hit, right)}
    >
      ${right ? icons.right : icons.wrong}${withWords ? name : nothing}
    </button>`;
  };
  return html`<span class="judge" role="group" aria-label=${m.judge}>${button(true)}${button(false)}</span>`;
}
