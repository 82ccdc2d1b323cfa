import { describeHooks } from '../e2e/react-hooks.ts';
import { installed } from './project.ts';

describeHooks('the hooks of the installed package in React 18', async () => installed('react'));
