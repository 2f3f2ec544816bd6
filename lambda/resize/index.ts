// A script by itself, because it is small: the decoder loads libvips while Node still reads the SDK.
import { started } from './decoder';
import { createHandler, setUp } from './handler';

/** What Lambda calls. */
export const handler = createHandler(setUp(started));
