// The first file that runs: where the address asks for something, the server is asked before the page is built.

import { applyTheme } from './app/theme.ts';
import { language } from './i18n/language.ts';
import { answerTo } from './search/answers.ts';
import { isStart, parseState } from './search/url-state.ts';

applyTheme();
document.documentElement.lang = language();

const state = parseState(location.search);
if (location.pathname === '/' && !isStart(state) && !state.picture) answerTo(state, true).catch(() => undefined); // the page tells
