import { STATES } from './words.ts';

/** The script of a task's page. */
void STATES;
