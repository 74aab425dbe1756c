"""The training step that `charloop train` compiles, with the default unrolling; one call makes several steps."""

from importlib.metadata import version

import msgspec

from charloop.benchmark.training_step import StepSetting, TrainingStep
from charloop.config import ModelConfig, TrainingConfig
from charloop.devices import use_all_cores
from charloop.errors import CharloopError


class Steps:
    def __init__(self, setting, precision, document_length):
        sizes = {name: setting.pop(name) for name in ("batch_size", "seq_length", "vocab_size")}
        model = msgspec.convert(setting, ModelConfig)
        self.updates = TrainingConfig().steps_per_call
        wanted = StepSetting(model, **sizes, precision=precision)
        self.step = TrainingStep(wanted, model.unroll, self.updates, document_length)

    def __call__(self):
        self.step.time_call()

    def together(self, count):
        for done in range(0, count, self.updates):
            self.step.time_call(min(self.updates, count - done))


def build(setting, precision="float32", document_length=None):
    use_all_cores()
    try:
        step = Steps(setting, precision, document_length)
    except CharloopError as error:
        raise NotImplementedError(str(error)) from None
    return step, {name: version(name) for name in ("charloop", "jax")}
