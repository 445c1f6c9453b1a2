import { formatNumber } from '../i18n/language.ts';

// A measurement between 0 and 1, as it stands in tables.
export function three(value: number): string {
  return formatNumber(value, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
}
