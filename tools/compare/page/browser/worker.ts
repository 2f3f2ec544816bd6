/// The model, off the page's thread: the same code as the command's.
import { type Answer, answer, type Question } from '../results';

type Model = Parameters<typeof answer>[0];

let model: Model | undefined;

self.addEventListener('message', ({ data }: MessageEvent<{ data: Model } | Question>) => {
  if ('data' in data) {
    model = data.data;
    return;
  }
  if (model) self.postMessage(answer(model, data) satisfies Answer);
});
