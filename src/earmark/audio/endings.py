"""What files with sound are called, and how they begin."""

from __future__ import annotations

import re

MIDI_ENDINGS = (".kar", ".mid", ".midi", ".rmi", ".smf")
SOUND_ENDINGS = (
    *(".3g2", ".3gp", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".asf", ".au", ".avi", ".awb", ".caf"),
    *(".dff", ".dsf", ".dts", ".eac3", ".f4v", ".flac", ".flv", ".m2ts", ".m4a", ".m4b", ".m4v", ".mka", ".mkv"),
    *(".mov", ".mp2", ".mp3", ".mp4", ".mpc", ".mpeg", ".mpg", ".mts", ".mxf", ".oga", ".ogg", ".ogv", ".opus", ".qt"),
    *(".ra", ".rf64", ".rm", ".snd", ".spx", ".tta", ".vob", ".voc", ".w64", ".wav", ".webm", ".wma", ".wmv", ".wv"),
)
"""Endings that are nothing but sound's or a video's; ``.ts`` is also a program's."""

_BEGINNINGS = re.compile(
    rb"RIFF....WAVE|RIFF....AVI |RF64....WAVE|BW64....WAVE|riff\x2e\x91\xcf\x11"  # WAV, AVI, long WAV, Wave64
    rb"|FORM....(?:AIFF|AIFC|8SVX)|FRM8|DSD |caff|\.snd|\.SoX|\.RMF|\.ra\xfd"
    rb"|fLaC|OggS|ID3|#!AMR|wvpk|MAC |MPCK|MP\+|TTA[12]|FLV\x01|Creative Voice File|nut/multimedia"
    rb"|\x1a\x45\xdf\xa3|....ftyp(?!avi|hei|hev|mif|msf)|....moov|....mdat|....wide"  # Matroska; MP4, no HEIC or AVIF
    rb"|\x30\x26\xb2\x75\x8e\x66\xcf\x11|\x06\x0e\x2b\x34\x02\x05\x01\x01"  # ASF (WMA, WMV); MXF
    rb"|\x47.{187}\x47.{187}\x47|.{4}\x47.{191}\x47.{191}\x47|\x00\x00\x01\xba"  # MPEG transport and program streams
    rb"|\x0b\x77|\x7f\xfe\x80\x01"  # AC-3, DTS
    rb"|\xff[\xe2\xe3\xf2-\xf5\xfa-\xfd][\x10-\xeb]|\xff[\xf0\xf1\xf8\xf9]",  # bare MP2 and MP3; AAC
    re.DOTALL,
)


def begins_as_sound(beginning: bytes) -> bool:
    """Whether a file that begins with these bytes, some hundreds, is a recording or a video."""
    return _BEGINNINGS.match(beginning) is not None
