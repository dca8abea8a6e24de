"""A stand-in for the NI-DAQmx runtime, which Linux CI has not: the interpreter beneath nidaqmx, on a simulated bench.

It knows what nidaqmx's documentation says of the functions below, and refuses all else.
"""

from nidaqmx._base_interpreter import BaseInterpreter
from nidaqmx.constants import (
    ChannelType,
    CJCSource,
    TemperatureUnits,
    TerminalConfiguration,
    ThermocoupleType,
    UsageTypeAI,
)
from nidaqmx.errors import DaqError


def _unknown(name):
    def refuse(self, *arguments, **named):
        raise NotImplementedError(name)

    return refuse


Nothing = type("Nothing", (BaseInterpreter,), {name: _unknown(name) for name in BaseInterpreter.__abstractmethods__})


class Task:
    def __init__(self):
        self.channels, self.kind, self.running, self.samples, self.span, self.rate = [], None, False, None, None, None
        self.terminal = self.converts = self.couple = None


class StandIn(Nothing):
    """One card, "Dev1": four outputs, 16 differential or 32 other inputs, ±10 V, 20 kS/s for all inputs together.

    Attributes:
        read: channel → V. write: called with (channel, V). outputs: what the outputs are at; they stay.
        tasks: handle → task; those that were cleared are gone.
    """

    def __init__(self, read, write):
        self.read, self.write = read, write
        self.outputs, self.tasks, self._next = {}, {}, 0

    def get_device_attribute_string(self, device, attribute):
        if device != "Dev1":
            raise DaqError(f"Device identifier is invalid.\n\nDevice Specified: {device}", -200220)
        assert attribute == 0x631
        return "USB-6001 (stand-in)"

    def get_device_attribute_uint32(self, device, attribute):
        assert attribute == 0x632
        return 0x1F2E3D4

    def create_task(self, name):
        self._next += 1
        self.tasks[self._next] = Task()
        return self._next, True

    def clear_task(self, handle):
        del self.tasks[handle]

    def _add(self, handle, physical, kind, low, high):
        task, channel = self.tasks[handle], physical.removeprefix("Dev1/")
        if not (channel[:2] == kind and channel[2:].isdigit() and int(channel[2:]) < {"ai": 32, "ao": 4}[kind]):
            raise DaqError(f"Physical channel specified does not exist on this device.\n\n{physical}", -200170)
        if not -10 <= low < high <= 10:
            raise DaqError("Requested value is not a supported value for this property.", -200077)
        task.channels.append(channel)
        task.kind, task.span = kind, (low, high)
        return task

    def create_ai_voltage_chan(self, handle, physical, name, terminal, low, high, units, scale):
        task = self._add(handle, physical, "ai", low, high)
        task.terminal = TerminalConfiguration(terminal)
        if task.terminal is TerminalConfiguration.DIFF and int(physical.rpartition("ai")[2]) % 16 > 7:
            raise DaqError("Physical channel is the negative side of another in differential mode.", -200077)

    def create_ai_thrmcpl_chan(self, handle, physical, name, low, high, units, kind, junction, celsius, channel):
        task = self._add(handle, physical, "ai", 0, 1)
        task.span, task.couple = (low, high), (ThermocoupleType(kind), CJCSource(junction), TemperatureUnits(units))

    def create_ao_voltage_chan(self, handle, physical, name, low, high, units, scale):
        task = self._add(handle, physical, "ao", low, high)
        if any(
            other is not task and other.kind == "ao" and set(other.channels) & set(task.channels)
            for other in self.tasks.values()
        ):
            raise DaqError("The specified resource is reserved.", -50103)

    def get_task_attribute_string(self, handle, attribute):
        assert attribute in (0x1273, 0x1276)
        return ", ".join(f"Dev1/{channel}" for channel in self.tasks[handle].channels)

    def get_read_attribute_string(self, handle, attribute, size_hint=0):
        assert attribute == 0x1823
        return self.get_task_attribute_string(handle, 0x1273)

    def get_chan_attribute_int32(self, handle, channel, attribute):
        kinds = {"ai": ChannelType.ANALOG_INPUT, "ao": ChannelType.ANALOG_OUTPUT}
        task = self.tasks[handle]
        usage = UsageTypeAI.TEMPERATURE_THERMOCOUPLE if task.couple else UsageTypeAI.VOLTAGE
        return {0x187F: kinds[task.kind].value, 0x695: usage.value}[attribute]

    def cfg_samp_clk_timing(self, handle, rate, source, edge, mode, samples):
        task = self.tasks[handle]
        if rate * len(task.channels) > 20e3:
            raise DaqError("Requested value is not a supported value for this property: sample rate.", -200077)
        task.samples, task.rate = samples, rate

    def set_timing_attribute_double(self, handle, attribute, value):
        assert attribute == 0x1848  # ai_conv_rate
        self.tasks[handle].converts = value

    def start_task(self, handle):
        if self.tasks[handle].running:
            raise DaqError("Specified operation cannot be performed while the task is running.", -200479)
        self.tasks[handle].running = True

    def stop_task(self, handle):
        self.tasks[handle].running = False

    def read_analog_f64(self, handle, count, timeout, fill, array):
        task = self.tasks[handle]
        if any(other.running for other in self.tasks.values() if other is not task):
            raise DaqError("The specified resource is reserved.", -50103)
        if task.couple:  # one sample on demand, which starts the task and stops it
            assert count == 1
            array[:] = self.read(task.channels[0])
            return array, 1
        assert task.running
        if count != task.samples:
            raise DaqError("Some or all of the samples requested have not yet been acquired.", -200284)
        low, high = task.span
        array.reshape(len(task.channels), count)[:] = [[min(max(self.read(one), low), high)] * count for one in task.channels]
        return array, count

    def write_analog_f64(self, handle, count, auto_start, timeout, layout, array):
        task = self.tasks[handle]
        assert (count, auto_start, len(task.channels)) == (1, True, 1)
        low, high = task.span
        if not low <= float(array) <= high:
            raise DaqError("Some or all of the samples to write are out of range.", -200561)
        self.outputs[task.channels[0]] = float(array)
        self.write(task.channels[0], float(array))
        return 1
