"""Small networks as people write them in Keras, with random weights and statistics. Shared by the fixtures and the comparison."""
import numpy as np


class Networks:
    """The networks, built by `keras`: Keras 3, or the Keras 2 of tf_keras."""

    def __init__(self, keras):
        self.keras = keras
        self.layers = keras.layers

    def home_made(self, size=30, channels=3, biased_norms=True, prepared=False):
        """Basic blocks with padding "same", convolution biases, eps 1e-3 and names that Keras gives; a shortcut without batch-norm.

        Prepared, it turns and scales the channels of the image by itself.
        """
        L = self.layers
        image = x = L.Input((size, size, channels))
        if prepared:
            x = (x[..., ::-1] / 127.5 - 1) * 0.5
        x = L.Conv2D(8, 3, padding="same")(x)
        x = L.ReLU()(L.BatchNormalization()(x))
        for stage, width in enumerate([8, 12, 16]):
            for block in range(2 if stage == 0 else 1):
                stride = 2 if stage and not block else 1
                y = L.Conv2D(width, 3, strides=stride, padding="same")(x)
                y = L.Activation("relu")(L.BatchNormalization(scale=biased_norms)(y))
                y = L.Conv2D(width, 3, padding="same")(y)
                y = L.BatchNormalization(center=biased_norms)(y)
                if stride == 2:
                    x = L.Conv2D(width, 1, strides=2, padding="same")(x)
                x = L.Activation("relu")(L.Add()([x, y]))
        pooled = -(-(-(-size // 2)) // 2)
        x = L.Flatten()(L.AveragePooling2D(pooled)(x))
        x = L.Dense(5, activation="softmax")(L.Dropout(0.5)(x))
        return self.keras.Model(image, x)

    def prepared(self, size=33, learnt=True):
        """Layers for the image in front, an eps for each batch-norm, and paddings that differ: a stem padded by hand, blocks as "same"."""
        L = self.layers
        epsilons = iter([1e-3, 2e-2, 1e-5, 1e-3, 3e-3, 1e-3, 1e-3, 5e-3, 1e-3])
        norm = lambda: L.BatchNormalization(epsilon=next(epsilons))
        image = x = L.Input((size, size, 3))
        x = L.RandomFlip("horizontal")(x)
        x = L.Rescaling(1 / 127.5, offset=-1)(x)
        moments = L.Normalization(name="moments") if learnt else L.Normalization(mean=[0.1, 0.2, -0.1], variance=[0.2, 0.3, 0.25])
        if learnt:
            moments.adapt(np.random.default_rng(5).uniform(-1, 0.6, (20, 4, 4, 3)).astype("float32") * [1, 0.5, 0.8])
        x = moments(x)
        x = L.ZeroPadding2D(3)(x)
        x = L.Conv2D(6, 7, strides=2, use_bias=False)(x)
        x = L.ReLU()(norm()(x))
        x = L.MaxPooling2D(3, strides=2, padding="same")(L.Dropout(0.1)(x))
        for width in [6, 8, 10]:
            stride = 1 if width == 6 else 2
            y = L.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(x)
            y = L.ReLU()(norm()(y))
            y = norm()(L.Conv2D(width, 3, padding="same", use_bias=False)(y))
            if stride == 2:
                x = norm()(L.Conv2D(width, 1, strides=2, use_bias=False)(x))
            x = L.ReLU()(L.Add()([x, y]))
        x = L.GlobalAveragePooling2D()(x)
        return self.keras.Model(image, L.Dense(4, activation="softmax")(x))

    def input_projections(self, size=32, stages=3):
        """Keras' example of a ResNet v2 for CIFAR-10: projections take the blocks' inputs, and the stem is activated."""
        L = self.layers
        image = x = L.Input((size, size, 3))
        x = L.Conv2D(4, 3, padding="same")(x)
        x = L.Activation("relu")(L.BatchNormalization()(x))
        inputs = 4
        for stage in range(stages):
            outputs = inputs * (4 if stage == 0 else 2)
            for block in range(2):
                stride = 2 if stage and not block else 1
                y = x
                if stage or block:
                    y = L.Activation("relu")(L.BatchNormalization()(y))
                y = L.Conv2D(inputs, 1, strides=stride, padding="same")(y)
                y = L.Conv2D(inputs, 3, padding="same")(L.Activation("relu")(L.BatchNormalization()(y)))
                y = L.Conv2D(outputs, 1, padding="same")(L.Activation("relu")(L.BatchNormalization()(y)))
                if not block:
                    x = L.Conv2D(outputs, 1, strides=stride, padding="same")(x)
                x = L.add([x, y])
            inputs = outputs
        x = L.Activation("relu")(L.BatchNormalization()(x))
        x = L.Flatten()(L.AveragePooling2D(size >> (stages - 1))(x))
        return self.keras.Model(image, L.Dense(5, activation="softmax")(x))

    def bottlenecks(self, size=37, pool="same"):
        """A 7×7 stem and bottlenecks that stride at their 3×3 convolution, all padded as "same", activations within the layers."""
        L = self.layers
        image = x = L.Input((size, size, 3))
        x = L.Conv2D(6, 7, strides=2, padding="same", use_bias=False)(x)
        x = L.Activation("relu")(L.BatchNormalization(epsilon=2e-5, scale=False)(x))
        x = L.MaxPooling2D(3, strides=2, padding=pool)(x)
        for stage, width in enumerate([4, 6]):
            for block in range(2):
                stride = 2 if stage and not block else 1
                # As when a block is a function that begins with its last convolution's shortcut.
                s = x
                if not block:
                    s = L.Conv2D(4 * width, 1, strides=stride, padding="same", use_bias=False)(x)
                    s = L.BatchNormalization(epsilon=2e-5, scale=False)(s)
                y = L.Conv2D(width, 1, use_bias=False)(x)
                y = L.ReLU()(L.BatchNormalization(epsilon=2e-5, scale=False)(y))
                y = L.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(y)
                y = L.ReLU()(L.BatchNormalization(epsilon=2e-5, scale=False)(y))
                y = L.Conv2D(4 * width, 1, use_bias=False)(y)
                y = L.BatchNormalization(epsilon=2e-5, scale=False)(y)
                x = L.ReLU()(y + s if block else L.add([y, s]))
        x = L.GlobalAveragePooling2D()(x)
        return self.keras.Model(image, L.Dense(4)(x))

    def applications(self, version, size=45):
        """keras.applications' own blocks and names behind a narrow stem. Version 1 or 2."""
        from keras.src.applications import resnet

        L = self.layers
        image = x = L.Input((size, size, 3))
        x = L.ZeroPadding2D(3, name="conv1_pad")(x)
        x = L.Conv2D(8, 7, strides=2, name="conv1_conv")(x)
        if version == 1:
            x = L.BatchNormalization(axis=3, epsilon=1.001e-5, name="conv1_bn")(x)
            x = L.Activation("relu", name="conv1_relu")(x)
        x = L.ZeroPadding2D(1, name="pool1_pad")(x)
        x = L.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
        stack = resnet.stack_residual_blocks_v1 if version == 1 else resnet.stack_residual_blocks_v2
        for number, (width, blocks, stride) in enumerate([(4, 2, 1 if version == 1 else 2), (6, 2, 2 if version == 1 else 1)]):
            x = stack(x, width, blocks, stride1=stride, name=f"conv{number + 2}")
        if version == 2:
            x = L.BatchNormalization(axis=3, epsilon=1.001e-5, name="post_bn")(x)
            x = L.Activation("relu", name="post_relu")(x)
        x = L.GlobalAveragePooling2D(name="avg_pool")(x)
        return self.keras.Model(image, L.Dense(5, activation="softmax", name="predictions")(x))

    def prepared_application(self, version):
        """keras.applications' network behind its own `preprocess_input`."""
        whole = self.applications(version)
        image = self.layers.Input((45, 45, 3))
        prepare = [self.keras.applications.resnet, self.keras.applications.resnet_v2][version - 1].preprocess_input
        return self.keras.Model(image, whole(prepare(image)))

    def before_2019(self, size=44, pads=False, stem=8, stages=((4, "ab"), (6, "ab"))):
        """The blocks and names of Keras' first ResNet50, whose pooling was not padded at first."""
        L = self.layers
        image = x = L.Input((size, size, 3))
        x = L.ZeroPadding2D((3, 3))(x)
        x = L.Conv2D(stem, (7, 7), strides=(2, 2), name="conv1")(x)
        x = L.Activation("relu")(L.BatchNormalization(axis=3, name="bn_conv1")(x))
        if pads:
            x = L.ZeroPadding2D((1, 1))(x)
        x = L.MaxPooling2D((3, 3), strides=(2, 2))(x)
        for stage, (width, blocks) in enumerate(stages, 2):
            for block in blocks:
                stride = 2 if stage > 2 and block == "a" else 1
                y = x
                for part, (filters, kernel) in zip("abc", [(width, 1), (width, 3), (4 * width, 1)]):
                    y = L.Conv2D(filters, kernel, strides=stride if part == "a" else 1, padding="same" if kernel > 1 else "valid",
                                 name=f"res{stage}{block}_branch2{part}")(y)
                    y = L.BatchNormalization(axis=3, name=f"bn{stage}{block}_branch2{part}")(y)
                    if part != "c":
                        y = L.Activation("relu")(y)
                if block == "a":
                    x = L.Conv2D(4 * width, 1, strides=stride, name=f"res{stage}a_branch1")(x)
                    x = L.BatchNormalization(axis=3, name=f"bn{stage}a_branch1")(x)
                x = L.Activation("relu")(L.add([y, x]))
        final = x.shape[1]
        x = L.Flatten()(L.AveragePooling2D((final, final), name="avg_pool")(x))
        return self.keras.Model(image, L.Dense(5, activation="softmax", name="fc1000")(x))

    def many_layers(self, size=21):
        """No ResNet: every layer that is read beyond a ResNet's, on images of which no side is divided without rest."""
        L = self.layers
        image = x = L.Input((size, size + 3, 3))
        x = L.Rescaling(1 / 64, offset=[-1.5, -2.0, -2.5])(x)
        x = L.ZeroPadding2D(((0, 1), (2, 1)))(x)
        x = L.PReLU(shared_axes=[1, 2])(L.Conv2D(8, 3, strides=2)(x))
        x = L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", strides=2, activation="swish")(x)
        a = L.LeakyReLU(0.1)(L.SeparableConv2D(12, 3, padding="same", depth_multiplier=2)(x))
        b = L.ELU(0.5)(L.Conv2D(12, (1, 5), padding="same", groups=4)(x))
        c = L.BatchNormalization(scale=False)(L.Conv2D(12, 3, dilation_rate=2, padding="same", use_bias=False)(x))
        x = L.Concatenate()([L.Average()([a, b, c]), L.Activation("gelu")(c), L.MaxPooling2D(3, 1, padding="same")(b)])
        x = L.AveragePooling2D((3, 2), strides=(2, 1), padding="same")(L.ReLU(6.0)(x))
        x = L.Multiply()([x, self.gate(x, 36)])
        x = L.Dense(10, activation="tanh")(L.Add()([x, x]))
        y = L.GlobalMaxPooling2D()(L.Activation("hard_sigmoid")(L.ReLU(negative_slope=0.2)(x)))
        x = L.Flatten()(L.MaxPooling2D(2, padding="same")(x))
        x = L.Dropout(0.3)(L.Concatenate()([x, L.Activation("log_softmax")(y)]))
        return self.keras.Model(image, L.Dense(5, activation="softmax")(x))

    def gate(self, x, channels):
        """A factor for each channel, as in squeeze-and-excitation."""
        L = self.layers
        x = L.Reshape((1, 1, channels))(L.GlobalAveragePooling2D()(x))
        return L.Dense(channels, activation="sigmoid")(L.Conv2D(6, 1, activation="relu")(x))

    def within(self):
        """A backbone as a layer of a sequential model, as transfer learning makes it."""
        whole = self.applications(1)
        backbone = self.keras.Model(whole.input, whole.get_layer("conv3_block2_out").output, name="backbone")
        L = self.layers
        return self.keras.Sequential(
            [L.Input((45, 45, 3)), backbone, L.GlobalAveragePooling2D(), L.Dropout(0.2), L.Dense(3, activation="softmax")])


def leaves(model):
    """All layers, those of models within the model too."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaves(layer)
        else:
            yield layer


def randomise(model, seed=7):
    """Weights and statistics as if the network had been trained, activations of ordinary size."""
    random = np.random.default_rng(seed)
    for layer in leaves(model):
        values = []
        for variable in layer.weights:
            name = (getattr(variable, "path", None) or variable.name).split("/")[-1].split(":")[0]
            shape = tuple(variable.shape)
            if name == "kernel":
                fan = np.prod(shape[:2] if type(layer).__name__ == "DepthwiseConv2D" else shape[:-1])
                values.append(random.normal(0, (1.5 / fan) ** 0.5, shape))
            elif name in ("gamma", "moving_variance"):
                values.append(random.uniform(0.5, 1.5, shape))
            elif name == "seed_generator_state" or type(layer).__name__ == "Normalization":
                values.append(np.asarray(variable))
            else:
                values.append(random.normal(0, 0.2, shape))
        if values:
            layer.set_weights(values)


def inputs(name, random, count, size):
    """Random images: pixels of 0 to 255 for a network that prepares them itself, else numbers around 0."""
    shape = (count, size, size + 3 if "many" in name else size, 3)
    takes_pixels = any(word in name for word in ["prepared", "many", "EfficientNet"])
    return (random.uniform(0, 255, shape) if takes_pixels else random.standard_normal(shape)).astype("float32")


def logits(model, images):
    """What the model computes before its softmax; of a backbone, its features."""
    last = list(leaves(model))[-1]
    activation = getattr(last, "activation", None)
    last.activation = lambda values: values
    try:
        return np.asarray(model(images, training=False)).astype("float32")
    finally:
        last.activation = activation
