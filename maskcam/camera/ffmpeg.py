"""Decodes films and network streams with FFmpeg, past what cannot be decoded.

The only module that imports PyAV. Errors of single packets are counted, not raised: a
transmission or a card has bad spots, and the street before and behind them is good.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple, Self, cast

import numpy as np
from numpy.typing import NDArray

from maskcam.camera.torn import CODECS as _NOTICE_NO_DAMAGE
from maskcam.camera.torn import TornFrames
from maskcam.camera.upright import upright
from maskcam.errors import CameraError, UsageError

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_OPEN_TIMEOUT_S: Final = 8.0
_READ_TIMEOUT_S: Final = 1.5  # of a stream: then it is opened again
_MOST_BAD: Final = 9000  # packets in a row, five minutes of most films
_MOST_BAD_S: Final = 60.0  # of work on them
_MOST_BAD_LIVE: Final = 150
_MOST_BAD_LIVE_S: Final = 10.0  # a stream may be joined so long before its next key frame
_BAD_AT_END: Final = 2  # so many last packets that fail show that a file was cut
_SHORT_S: Final = 0.25  # of what a header says: less may be rounding
_MOST_OF_IT: Final = 0.9  # of a file's bytes; an index may be behind the last packet
_MATROSKA_DURATION: Final = r"(\d+):(\d\d):(\d\d(?:\.\d+)?)"  # tag of a stream
_LOOK_EACH: Final = 8  # frames of a film: two to four times a second
_NO_TIMESTAMPS: Final = 0x80  # AVFMT_NOTIMESTAMPS
_SAYS_NO_LENGTH: Final = {"ogg", "mpegts", "mpeg"}  # FFmpeg takes it from the last packets
# Formats of one file. FFmpeg's others (hls, concat, dash, image2...) open files that they name.
_FILM_FORMATS: Final = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,live_flv,kux,asf,ogg,mxf,nut,dv,gxf,wtv,rm,swf,ivf,"
    "gif,apng,yuv4mpegpipe,h261,h263,h264,hevc,vvc,m4v,mjpeg,obu,av1,vc1,vc1test,dirac,cavsvideo,"
    "jpeg_pipe,png_pipe,bmp_pipe,tiff_pipe,webp_pipe,jpegxl_pipe"
)
_IN_DECODING_ORDER: Final = {"avi"}  # holds no times of presentation: FFmpeg's are made up
_MISSING: Final = (
    "video files and network cameras need the package av: pip install 'maskcam[video]' (a unit "
    "reads its own camera, and v4l2:DEVICE, without it)"
)


class DecodedFrame(NamedTuple):
    """A decoded frame: own_s: its time stamp in s, if any; bgr: (H, W, 3) uint8, upright."""

    own_s: float | None
    bgr: NDArray[np.uint8]


class FFmpegSource:
    """The frames of one film or stream, in their order.

    Attributes:
        skipped: packets and frames that could not be decoded.
        bad_in_a_row: those of them since the last good frame.
        damaged: frames that were given although they may show damage. Of a film, damage that
            the decoder does not notice is added at its end.
        damaged_in_a_row: those of them since the last sound frame.
        unread: spots of a film's file where the demuxer lost its place.

    Args:
        address: what FFmpeg opens, see `file_address`.
        live: a stream on the network.

    Raises:
        CameraError: nothing is there that can be decoded.
        UsageError: PyAV is not installed.
    """

    def __init__(self, address: str, *, live: bool) -> None:
        try:
            import av
            from av.video.reformatter import VideoReformatter
        except ModuleNotFoundError as error:
            raise UsageError(_MISSING) from error
        self._av = av
        # One for all frames: else each brings threads of its own, which live as long as it does.
        self._to_bgr, self._to_grey = VideoReformatter(), VideoReformatter()
        # Errors are counted and go nowhere else: what FFmpeg says may hold an address.
        av.logging.set_level(av.logging.PANIC)
        self.skipped = self.bad_in_a_row = 0
        self.damaged = self.damaged_in_a_row = 0
        self.unread = 0
        self._is_damaged = self._ends_unread = False
        self._decoded = 0
        self._read_to = 0  # end of the last packet within the file
        self._span_s: tuple[float, float] | None = None  # first frame's begin, last one's end
        self._matrix = (1, 0, 0, 1)
        self._torn = TornFrames()
        self._live = live
        self._most_bad = _MOST_BAD_LIVE if live else _MOST_BAD
        self._most_bad_s = _MOST_BAD_LIVE_S if live else _MOST_BAD_S
        self._good_at_s = monotonic()
        errors = self._errors()
        self._container = self._open(address)
        stream = self._container.streams.best("video")
        if stream is None:
            self._container.close()
            raise CameraError("holds no video")
        self._stream = cast("VideoStream", stream)
        self._has_decoding_order = self._container.format.name in _IN_DECODING_ORDER
        # Opening reads a short film to its end: then nothing says where the errors are.
        self._opens_unread = self._errors() > errors and self._is_demuxers_error()
        self._looks_for_tears = not live and self._stream.codec_context.name in _NOTICE_NO_DAMAGE
        self._tick = -1
        # Threads for whole frames hold several back, and Theora gives other frames each time.
        self._stream.thread_type = "SLICE"
        self._frames = self._decode()

    def _open(self, address: str) -> InputContainer:
        try:
            return self._av.open(
                address,
                options=_options(live=self._live),
                timeout=(_OPEN_TIMEOUT_S, _READ_TIMEOUT_S) if self._live else None,
            )
        except (self._av.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "its name cannot be used"
            if isinstance(error, self._av.error.ArgumentError) and not self._live:
                reason = "of a kind that is not read here"
        # Outside of the handler: FFmpeg's error holds the address with its password.
        raise CameraError(reason)

    @property
    def has_time(self) -> bool:
        """Whether the container gives its frames a time; a raw elementary stream does not."""
        return not self._container.format.flags & _NO_TIMESTAMPS

    @property
    def length_s(self) -> float:
        """The picture's length in s by the film's header, which may be wrong; 0: it says none."""
        if self._container.format.name in _SAYS_NO_LENGTH:
            return 0.0
        if self._stream.duration and self._stream.time_base:
            return float(max(self._stream.duration, 0) * self._stream.time_base)
        found = re.fullmatch(_MATROSKA_DURATION, self._stream.metadata.get("DURATION", ""))
        if found:
            hours, minutes, seconds = map(float, found.groups())
            return 3600 * hours + 60 * minutes + seconds
        return max(self._container.duration or 0, 0) / self._av.time_base

    @property
    def ends_in_errors(self) -> bool:
        """Whether the last packets could not be read, as at the end of a cut file."""
        return self.bad_in_a_row >= _BAD_AT_END

    @property
    def missing_s(self) -> float:
        """By how much in s a film is shorter than its header says, at its end.

        0 if it shows no damage and was read whole: the header alone is no evidence.
        """
        is_damaged = (
            self.skipped or self.damaged or self.unread or self._ends_unread or self._opens_unread
        )
        is_read = self._read_to > _MOST_OF_IT * self._container.size  # sound included
        if self._span_s is None or (is_read and not is_damaged):
            return 0.0
        begin_s, end_s = self._span_s  # some containers count from 0, some from the first frame
        missing_s = self.length_s - max(end_s, end_s - begin_s)
        return missing_s if missing_s > _SHORT_S else 0.0

    def read(self) -> DecodedFrame | None:
        """Returns the next frame that can be decoded; None at the end, or where it gives up."""
        for frame in self._frames:
            if self._looks_for_tears and self._decoded % _LOOK_EACH == 0:
                # From the luma alone: of the colours, which are coarser, a step would get edges.
                grey = self._to_grey.reformat(frame, format="gray", threads=1).to_ndarray()
                self._torn.look(grey.astype(np.uint8, copy=False))
            if self._decoded == 0:
                self._matrix = _display_matrix(frame)
            self._decoded += 1
            own = self._stamp_of(frame)
            own_s = None if own is None or frame.time_base is None else float(own * frame.time_base)
            if own_s is not None:
                self._note_time(own_s, frame)
            bgr = self._to_bgr.reformat(frame, format="bgr24", threads=1).to_ndarray()
            return DecodedFrame(own_s, upright(bgr.astype(np.uint8, copy=False), self._matrix))
        self._count_torn()
        return None

    def _stamp_of(self, frame: VideoFrame) -> int | None:
        if not self._has_decoding_order:
            return frame.pts if frame.pts is not None else frame.dts
        # The decoder's last frames come without a packet; a tick is a frame.
        self._tick = frame.dts if frame.dts is not None else self._tick + 1
        return self._tick

    def close(self) -> None:
        """Closes file or connection; only for the thread that reads."""
        self._count_torn()
        self._frames.close()
        self._container.close()
        # PyAV's container and streams refer to each other: their decoder, some 10 MB, would
        # stay until Python looks for such circles, which a unit seldom does.
        del self._stream, self._container
        gc.collect()

    def _count_torn(self) -> None:
        self.damaged = max(self.damaged, round(self._torn.share * self._decoded))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def _decode(self) -> Generator[VideoFrame]:
        seen = self._errors()
        for packet in self._packets():
            if self._gives_up():
                return
            errors = self._errors()
            if errors > seen and packet is not None and self._is_demuxers_error():
                self._note_unread(is_at_end=packet.size == 0)
                seen = errors
            try:
                frames = [] if packet is None else packet.decode()
            except self._av.error.EOFError:  # asked twice for its last frames
                continue
            except (self._av.FFmpegError, OSError, ValueError):
                self._skip()
                continue
            if packet is None:
                self._skip()
            seen = self._errors()
            has_error = seen > errors
            if has_error and not frames:  # H.265 drops what refers to a lost frame
                self.skipped += 1
                self._is_damaged = True
            for frame in frames:
                if frame.is_corrupt:
                    self._skip()
                else:
                    # Each frame is made of those before it, but for a key frame.
                    self._is_damaged = has_error or (self._is_damaged and not frame.key_frame)
                    self.damaged += self._is_damaged
                    self.damaged_in_a_row = self.damaged_in_a_row + 1 if self._is_damaged else 0
                    self.bad_in_a_row = 0
                    yield frame
                    self._good_at_s = monotonic()  # whoever asked may have taken time over it

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        """Yields the packets of the stream, and None for each that cannot be read."""
        while True:
            try:
                for packet in self._container.demux():
                    self._read_to = max(self._read_to, (packet.pos or 0) + packet.size)
                    if packet.stream is self._stream:
                        yield cast("Packet[VideoStream]", packet)
            except self._av.error.InvalidDataError:
                yield None
            except (self._av.error.EOFError, self._av.error.ExitError):
                return
            except (self._av.FFmpegError, OSError):
                if self._live:  # a connection that broke does not mend itself
                    return
                yield None
            else:
                return

    def _errors(self) -> int:
        return self._av.logging.get_last_error()[0]

    def _is_demuxers_error(self) -> bool:
        """Whether FFmpeg's last error is one of a film's container, and not of a codec."""
        last = self._av.logging.get_last_error()[1]
        return not self._live and last is not None and last[1] == self._container.format.name

    def _note_unread(self, *, is_at_end: bool) -> None:
        if is_at_end and self.length_s:  # what was appended behind the film does not matter
            self._ends_unread = True
        else:
            self.unread += 1
            self._is_damaged = True

    def _note_time(self, own_s: float, frame: VideoFrame) -> None:
        end_s = own_s + float((frame.duration or 0) * (frame.time_base or 0))
        first_s, last_s = self._span_s or (own_s, end_s)
        self._span_s = first_s, max(last_s, end_s)

    def _skip(self) -> None:
        self.skipped += 1
        self.bad_in_a_row += 1
        self._is_damaged = True

    def _gives_up(self) -> bool:
        """Returns whether too many packets failed in a row, or for too long."""
        return self.bad_in_a_row >= self._most_bad or (
            self.bad_in_a_row > 0 and monotonic() - self._good_at_s > self._most_bad_s
        )


def file_address(path: Path) -> str:
    """Returns what FFmpeg opens for a file: a colon in its name names no protocol."""
    return f"file:{path.absolute()}"


def _options(*, live: bool) -> dict[str, str]:
    if live:
        return {"rtsp_transport": "tcp"}
    # A film must lead neither to other files nor to the network. Where two transport streams are
    # joined the time steps back; FFmpeg would take it for an overflow, and add 26 hours.
    return {
        "format_whitelist": _FILM_FORMATS,
        "protocol_whitelist": "file",
        "correct_ts_overflow": "0",
    }


def _display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Returns a, b, c, d, by which (x, y) is shown at (a x + c y, b x + d y).

    The container's, the same for all frames. A frame whose side data were asked for refers to
    itself: it stays in memory until Python looks for such circles.
    """
    matrix = cast("memoryview | None", frame.side_data.get("DISPLAYMATRIX"))
    if matrix is None:
        return 1, 0, 0, 1
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    return a, b, c, d
