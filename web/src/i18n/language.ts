// The language of the page: ?lang=, then what was chosen before, then what the browser prefers.

export type Language = 'en' | 'ja';

const kStored = 'warifu.language';
const changes = new EventTarget();

let current: Language = preferred();

function known(name: string | null | undefined): Language | undefined {
  const prefix = name?.toLowerCase().split('-')[0];
  return prefix === 'ja' || prefix === 'en' ? prefix : undefined;
}

function preferred(): Language {
  if (typeof window === 'undefined') return 'en';
  const asked = known(new URLSearchParams(location.search).get('lang'));
  const chosen = known(localStorage.getItem(kStored));
  return asked ?? chosen ?? navigator.languages.map(known).find((one) => one !== undefined) ?? 'en';
}

export function language(): Language {
  return current;
}

export function setLanguage(next: Language): void {
  current = next;
  localStorage.setItem(kStored, next);
  document.documentElement.lang = next;
  changes.dispatchEvent(new Event('change'));
}

// Calls back at each change; returns what ends that.
export function onLanguageChange(callback: () => void): () => void {
  changes.addEventListener('change', callback);
  return () => changes.removeEventListener('change', callback);
}

// A catalogue of messages in both languages. What is missing in one of them, or takes other values, does not compile.
export function messages<T extends object>(en: T, ja: NoInfer<T>): () => T {
  return () => (current === 'ja' ? ja : en);
}

export function formatNumber(value: number, options: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(current, options).format(value);
}

export function formatShare(share: number): string {
  return formatNumber(share, { style: 'percent', maximumFractionDigits: 0 });
}

// `iso`: RFC 3339, as the server writes times.
export function formatTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  return new Intl.DateTimeFormat(current, { dateStyle: 'medium', timeStyle: 'short' }).format(time);
}
