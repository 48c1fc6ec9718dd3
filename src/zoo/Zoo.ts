/**
 * Known architectures, as layers: `import { Zoo } from 'grad-ts'`.
 *
 * Each is a composition of public layers (read its source, copy it to change it), is checked when it is applied to an
 * input, `L.model(L.input([3, 64, 64]), Zoo.resnet18({ classes: 5 }))`, and has as many parameters as the paper's,
 * torchvision's or Keras's. Classifiers are the groups `backbone` and `head`, and give logits; what ends in `Features`
 * is the backbone alone, for a head of one's own. Layouts, paddings and order of parameters are torchvision's where it
 * has the network. Images are `[channels, height, width]`.
 */
export * from './alexnet.ts';
export * from './autoencoder.ts';
export * from './convnext.ts';
export * from './densenet.ts';
export * from './efficientnet.ts';
export * from './gpt.ts';
export * from './inception.ts';
export * from './lenet.ts';
export * from './mobilenet.ts';
export * from './mobilenetV3.ts';
export type { Classes, ClassToken, Dropout, Same } from './parts.ts';
export { classToken, layerScale, squeezeExcite, stochasticDepth } from './parts.ts';
export * from './resnet.ts';
export * from './resnetCifar.ts';
export * from './resnetV2.ts';
export * from './squeezenet.ts';
export * from './tabular.ts';
export * from './text.ts';
export * from './unet.ts';
export * from './vgg.ts';
export * from './vit.ts';
