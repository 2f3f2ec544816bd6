// As in the function's entry: what starts first, and then the rest, in a script of its own.
import { started } from '../../lambda/resize/decoder';
import { measure } from './cold-handler';

void measure(started);
