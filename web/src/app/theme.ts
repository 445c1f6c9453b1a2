// Light, dark, or as the system says; kept in this browser.

export type Theme = 'system' | 'light' | 'dark';

const kStored = 'warifu.theme';

export function theme(): Theme {
  const stored = localStorage.getItem(kStored);
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

export function setTheme(next: Theme): void {
  if (next === 'system') localStorage.removeItem(kStored);
  else localStorage.setItem(kStored, next);
  applyTheme();
}

export function applyTheme(): void {
  const chosen = theme();
  if (chosen === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = chosen;
}
