import './early.ts';

import './app/app-shell.ts';
