"""Chips at the level of SPI and I²C bytes, as their data sheets are remembered; nothing here knows the firmware.

Runs under CPython and MicroPython. `burnt` counts writes to permanent memory, whether or not they would have been allowed.
"""


class SpiChip:
    """Selected, it takes a byte and gives one at the same time; it acts when it is deselected.

    `modes`: the SPI modes that it understands.
    """

    modes = (0, 3)
    burnt = 0

    def __init__(self):
        self.frame = []

    def begin(self):
        self.frame = []

    def byte(self, byte):
        answer = self.answer(len(self.frame), byte)
        self.frame.append(byte)
        return answer

    def answer(self, at, byte):
        return 0xFF

    def end(self):
        pass


class I2cChip:
    burnt = 0

    def write(self, data):
        raise NotImplementedError

    def read(self, count):
        raise NotImplementedError


class _Ad5270Words:
    """The words of the AD5270 family: 0 0 C3-C0 D9-D0, data of 8-bit parts in D9-D2."""

    def setup(self, bits):
        self.shift, self.code, self.control, self.off, self.out, self.burnt = 10 - bits, 2 ** (bits - 1), 0, False, 0, 0

    def execute(self, word):
        command, data = word >> 10 & 0xF, word & 0x3FF
        self.out = 0
        if command == 1 and self.control & 2:
            self.code = data >> self.shift
        elif command == 2:
            self.out = self.code << self.shift
        elif command == 3:
            self.burnt += 1
        elif command == 4:
            self.code = 2 ** (9 - self.shift)
        elif command == 7:
            self.control = data & 7
            self.burnt += data & 1  # 50-TP programming allowed
        elif command == 8:
            self.out = self.control
        elif command == 9:
            self.off = bool(data & 1)

    def codes(self):
        return [None if self.off else self.code]


class SimAd5270(_Ad5270Words, SpiChip):
    """`pulls`: whether its SDO may hold the wire to which others answer, until it was let go by 8001 0000."""

    modes = (1,)

    def __init__(self, bits):
        SpiChip.__init__(self)
        self.setup(bits)
        self.words, self.pulls = [0, 0], False

    def answer(self, at, byte):
        return (self.out >> 8, self.out & 0xFF)[at] if at < 2 else 0

    def end(self):
        if len(self.frame) == 2:
            word = self.frame[0] << 8 | self.frame[1]
            self.words = [self.words[1], word]
            self.pulls = self.words != [0x8001, 0x0000]
            self.execute(word)


class SimAd5272(_Ad5270Words, I2cChip):
    def __init__(self, bits):
        self.setup(bits)

    def write(self, data):
        if len(data) == 2:
            self.execute(data[0] << 8 | data[1])

    def read(self, count):
        return bytes((self.out >> 8, self.out & 0xFF))[:count]


class SimMcp4251(SpiChip):
    """MCP41xx to MCP43xx. Address map of what is permanent included.

    `models`: wipers, largest code, whether it has an EEPROM.
    """

    def __init__(self, wipers, top, eeprom):
        super().__init__()
        self.wipers, self.top, self.burnt = wipers, top, 0
        quad = wipers == 4
        self.volatile = (0, 1, 6, 7)[:wipers]
        self.controls = (4, 10) if quad else (4,)
        self.permanent = tuple(a for a in range(16) if a not in (0, 1, 4, 5) + ((6, 7, 10) if quad else ())) if eeprom else ()
        self.cells = {a: 0 for a in self.permanent}
        self.cells.update({a: top // 2 for a in self.volatile})
        self.cells.update({a: 0x1FF for a in self.controls})
        self.cells[5] = 0x1F0

    def valid(self, first):
        address, command = first >> 4, first >> 2 & 3
        if command == 3:
            return address in self.cells
        if command == 0:
            return address in self.cells and address != 5
        return address in self.volatile

    def answer(self, at, byte):
        if at == 0:
            if not self.valid(byte):
                return 0xFC
            return 0xFE | (self.cells[byte >> 4] >> 8 if byte >> 2 & 3 == 3 else 1)
        first = self.frame[0]
        return self.cells[first >> 4] & 0xFF if first >> 2 & 3 == 3 and self.valid(first) else 0xFF

    def end(self):
        if not self.frame or not self.valid(self.frame[0]):
            return
        address, command = self.frame[0] >> 4, self.frame[0] >> 2 & 3
        if command == 0 and len(self.frame) == 2:
            value = (self.frame[0] & 3) << 8 | self.frame[1]
            if address in self.permanent:
                self.burnt += 1
            self.cells[address] = min(value, self.top) if address in self.volatile else value & 0x1FF
        elif command in (1, 2):
            value = self.cells[address] + (1 if command == 1 else -1)
            self.cells[address] = min(max(value, 0), self.top)

    def codes(self):
        found = []
        for k, address in enumerate(self.volatile):
            nibble = self.cells[self.controls[k // 2]] >> 4 * (k % 2) & 0xF
            found.append(self.cells[address] if nibble == 0xF else None if not nibble & 0b111 else -1)
        return found


class SimX9c:
    """X9C103: Its pins tell it when they change. CS that falls while INC is low is taken for a falling INC."""

    burnt = 0

    def __init__(self, cs, inc, ud, stored=40):
        self.at, self.cs, self.inc, self.ud, self.burnt = stored, cs, inc, ud, 0
        cs.watch(self.on_cs)
        inc.watch(self.on_inc)

    def on_cs(self, before, after):
        if not before and after and self.inc.value():
            self.burnt += 1
        if before and not after and not self.inc.value():
            self.move()

    def on_inc(self, before, after):
        if before and not after and not self.cs.value():
            self.move()

    def move(self):
        self.at = min(max(self.at + (1 if self.ud.value() else -1), 0), 99)

    def codes(self):
        return [self.at]


class SimAd5206(SpiChip):
    """A2 A1 A0 D7…D0; the last 11 bits count. It samples as CLK rises."""

    def __init__(self):
        super().__init__()
        self.wipers = [128] * 6

    def end(self):
        if not self.frame:
            return
        bits = 0
        for byte in self.frame:
            bits = (bits << 8 | byte) & 0x7FF
        if bits >> 8 < 6:
            self.wipers[bits >> 8] = bits & 0xFF

    def codes(self):
        return list(self.wipers)


class SimDs3502(I2cChip):
    """Register 0 is wiper and its start value, register 2 the mode; mode bit 7 at 0 writes both."""

    def __init__(self, stored=64):
        self.wiper, self.mode, self.pointer, self.burnt = stored, 0, 0, 0

    def write(self, data):
        self.pointer = data[0]
        for byte in data[1:]:
            if self.pointer == 0:
                self.wiper = byte & 0x7F
                if not self.mode & 0x80:
                    self.burnt += 1
            elif self.pointer == 2:
                self.mode = byte & 0x80
            else:
                raise OSError("no such register")
            self.pointer += 1

    def read(self, count):
        return bytes((self.wiper if self.pointer == 0 else self.mode,) * count)

    def codes(self):
        return [self.wiper]


class SimMcp4822(SpiChip):
    """Frames of 16 bits alone. Off (SHDN bit 0) is None."""

    def __init__(self):
        super().__init__()
        self.out = [None, None]

    def end(self):
        if len(self.frame) != 2:
            return
        word = self.frame[0] << 8 | self.frame[1]
        volts = (word & 0xFFF) * 2.048 * (1 if word & 0x2000 else 2) / 4096
        self.out[word >> 15] = volts if word & 0x1000 else None

    def volts(self):
        return list(self.out)


class SimAd5689r(SpiChip):
    """C3-C0 A3-A0 D15-D0, samples as SCLK falls. `gain` is a pin."""

    modes = (1, 2)

    def __init__(self, gain=1):
        super().__init__()
        self.gain, self.waiting, self.out = gain, [0, 0], [0.0, 0.0]

    def end(self):
        if len(self.frame) != 3:
            return
        command, address, code = self.frame[0] >> 4, self.frame[0] & 0xF, self.frame[1] << 8 | self.frame[2]
        for channel, bit in enumerate((1, 8)):
            if address & bit:
                if command in (1, 3):
                    self.waiting[channel] = code
                if command in (2, 3):
                    self.out[channel] = self.waiting[channel] * 2.5 * self.gain / 65536

    def volts(self):
        return list(self.out)


class SimMcp4728(I2cChip):
    """Fast write, multi-write, and the two commands that write the EEPROM."""

    def __init__(self, supply=3.3):
        self.supply, self.cells, self.burnt = supply, [0x8000] * 4, 0  # internal reference, ×1, 0

    def write(self, data):
        data = list(data)
        while data:
            first = data[0]
            if first >> 6 == 0:  # fast write, channels one after the other
                for channel in range(len(data) // 2):
                    self.cells[channel] = (
                        self.cells[channel] & 0x9000 | (data[2 * channel] & 0x3F) << 8 | data[2 * channel + 1]
                    )
                return
            if first >> 5 != 2:
                return
            if first >> 3 & 3:
                self.burnt += 1
            channel = first >> 1 & 3
            if not first & 1:  # UDAC at 0 moves the output now
                self.cells[channel] = data[1] << 8 | data[2]
            data = data[3:]

    def read(self, count):
        told = []
        for channel, cell in enumerate(self.cells):
            told += [0xC0 | channel << 4, cell >> 8, cell & 0xFF, 0xC0 | channel << 4, 0, 0]
        return bytes(told[:count])

    def volts(self):
        found = []
        for cell in self.cells:
            reference = 2.048 * (2 if cell & 0x1000 else 1) if cell & 0x8000 else self.supply
            found.append(None if cell & 0x6000 else min((cell & 0xFFF) * reference / 4096, self.supply))
        return found


class SimAds1115(I2cChip):
    """`inputs`: function of 0…3, V at the pin.

    A conversion is ready when asked for the second time.
    """

    SCALES = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)

    def __init__(self, inputs, slow=1):
        self.inputs, self.pointer, self.config, self.result, self.busy = inputs, 0, 0x8583, 0, 0
        self.slow = slow
        self.rates = []

    def write(self, data):
        self.pointer = data[0] & 3
        if len(data) == 3 and self.pointer == 1:
            self.config = data[1] << 8 | data[2]
            if self.config & 0x8000:
                self.rates.append((8, 16, 32, 64, 128, 250, 475, 860)[self.config >> 5 & 7])
                self.convert()

    def convert(self):
        mux = self.config >> 12 & 7
        plus, minus = ((0, 1), (0, 3), (1, 3), (2, 3), (0, None), (1, None), (2, None), (3, None))[mux]
        volts = self.inputs(plus) - (self.inputs(minus) if minus is not None else 0.0)
        code = round(volts / self.SCALES[self.config >> 9 & 7] * 32768)
        self.result, self.busy = min(max(code, -32768), 32767) & 0xFFFF, self.slow

    def read(self, count):
        if self.pointer == 1:
            ready, self.busy = not self.busy, max(self.busy - 1, 0)
            word = self.config & 0x7FFF | (0x8000 if ready else 0)
        else:
            word = self.result
        return bytes((word >> 8, word & 0xFF))[:count]


class SimMcp3424(I2cChip):
    """`inputs`: function of 0…3, V across the channel."""

    def __init__(self, inputs):
        self.inputs, self.config, self.result, self.busy = inputs, 0x10, 0, 0

    def write(self, data):
        self.config = data[0]
        if data[0] & 0x80 and not data[0] & 0x10:
            bits, gain = 12 + 2 * (data[0] >> 2 & 3), 1 << (data[0] & 3)
            code = round(self.inputs(data[0] >> 5 & 3) * gain / 2.048 * 2 ** (bits - 1))
            self.result, self.busy = min(max(code, -(2 ** (bits - 1))), 2 ** (bits - 1) - 1), 1

    def read(self, count):
        size = 3 if self.config >> 2 & 3 == 3 else 2
        value = self.result & (2 ** (8 * size) - 1)
        config = self.config & 0x7F | (0x80 if self.busy else 0)
        self.busy = 0
        data = [value >> 8 * k & 0xFF for k in range(size - 1, -1, -1)] + [config]
        return bytes((data + [config] * count)[:count])


class SimAd7124(SpiChip):
    """Communications, channel, config, control and status registers. `inputs`: of 0…15, V."""

    modes = (3,)
    WIDTH = {0x00: 1, 0x01: 2, 0x02: 3}

    def __init__(self, inputs):
        super().__init__()
        self.inputs, self.busy = inputs, 0
        self.reset()

    def reset(self):
        self.ready = True  # it converts on its own from now on, and may have a result that nobody asked for
        self.registers = {0x00: 0x80, 0x01: 0, 0x02: 0x800000, 0x09: 0x8001, 0x19: 0x0860, 0x21: 0x060180}

    def width(self, register):
        return self.WIDTH.get(register, 3 if register >= 0x21 else 2)

    def answer(self, at, byte):
        if at == 0 or self.frame[0] & 0xC0 != 0x40:
            return 0xFF
        register = self.frame[0] & 0x3F
        value = self.registers[register]
        if register == 0:
            self.ready = self.ready or self.busy == 1
            self.busy = max(self.busy - 1, 0)
            value = 0 if self.ready else 0x80
        elif register == 2:
            self.ready = False
            if self.busy:
                value = 0x123456  # of a conversion before this one
        return value >> 8 * (self.width(register) - at) & 0xFF

    def end(self):
        if len(self.frame) >= 8 and all(byte == 0xFF for byte in self.frame):
            self.reset()
        elif self.frame and not self.frame[0] & 0xC0:
            register, value = self.frame[0] & 0x3F, 0
            if len(self.frame) != 1 + self.width(register):
                raise ValueError("a register of another width")
            for byte in self.frame[1:]:
                value = value << 8 | byte
            self.registers[register] = value
            if register == 0x01 and value >> 2 & 0xF == 1:
                self.convert(value)

    def convert(self, control):
        channel, config = self.registers[0x09], self.registers[0x19]
        if not (channel & 0x8000 and config & 0x0800 and control & 0x0100 and config >> 3 & 3 == 2):
            raise ValueError("no channel, unipolar, or no internal reference")
        plus, minus = [0.0 if code == 0x11 else self.inputs(code) for code in (channel >> 5 & 0x1F, channel & 0x1F)]
        buffered = (config >> 6 & 1 and channel >> 5 & 0x1F == 0x11) or (config >> 5 & 1 and channel & 0x1F == 0x11)
        if buffered and not config & 7:
            raise ValueError("a buffer at the supply's lower end")
        code = round(2**23 * ((plus - minus) * (1 << (config & 7)) / 2.5 + 1))
        self.registers[0x02], self.busy = min(max(code, 0), 2**24 - 1), 3
