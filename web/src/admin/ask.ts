import { html, render } from 'lit';

import { admin } from './messages.ts';

export interface Question {
  title: string;
  notes: string[];
  yes: string; // names what will be done
  no?: string;
}

// Asks before something that cannot be taken back. The focus stands on the way out; Escape is that way too.
export function ask(question: Question): Promise<boolean> {
  const dialog = document.createElement('dialog');
  dialog.className = 'ask';
  dialog.setAttribute('aria-labelledby', 'ask-title');
  dialog.setAttribute('aria-describedby', 'ask-notes');
  render(
    html`<form method="dialog">
      <h2 id="ask-title">${question.title}</h2>
      <div id="ask-notes">${question.notes.map((note) => html`<p>${note}</p>`)}</div>
      <div class="actions">
        <button class="button" value="no" autofocus>${question.no ?? admin().cancel}</button>
        <button class="button danger" value="yes">${question.yes}</button>
      </div>
    </form>`,
    dialog,
  );
  document.querySelector('#main')?.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}
