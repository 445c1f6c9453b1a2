import './app/app-shell.ts';
import { applyTheme } from './app/theme.ts';

applyTheme();
