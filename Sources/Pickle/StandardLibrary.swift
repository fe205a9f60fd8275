/// The modules that come with Python, and those of its packaging tools.
enum StandardLibrary {
  /// Whether the outermost package of `name` comes with Python.
  static func contains(_ name: GlobalName) -> Bool { modules.contains(name.package) }

  /// Every top-level module of CPython 2.7 and 3.6 to 3.14 on any platform, those that were removed meanwhile, and
  /// `pip`, `setuptools`, `pkg_resources`, `wheel` and kin. Sources: `sys.stdlib_module_names`, the folders `Lib`,
  /// `lib-dynload`, `plat-*` and `lib-tk`, and the module index of each version.
  private static let modules = Set(
    """
    AL BaseHTTPServer Bastion CD CDROM CGIHTTPServer Canvas Carbon ColorPicker ConfigParser Cookie
    DEVICE DLFCN Dialog DocXMLRPCServer EasyDialogs FL FM FileDialog FixTk FrameWork GL HTMLParser
    IN MacOS MimeWriter MiniAEFrame Nav PixMapWrapper Queue SUNAUDIODEV SV ScrolledText
    SimpleDialog SimpleHTTPServer SimpleXMLRPCServer SocketServer StringIO TYPES Tix Tkconstants
    Tkdnd Tkinter UserDict UserList UserString _AE _AH _App _CF _CG _CM _CarbonEvt _Ctl _Dlg _Drag
    _Evt _File _Fm _Folder _Help _IBCarbon _Icn _LWPCookieJar _Launch _List _Menu _Mlte
    _MozillaCookieJar _OSA _Qd _Qdoffs _Qt _Res _Scrap _Snd _TE _Win __builtin__ __future__
    __hello__ __phello__ _abc _abcoll _aix_support _android_support _apple_support _ast
    _ast_unparse _asyncio _bisect _blake2 _bootlocale _bootsubprocess _bz2 _codecs _codecs_cn
    _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _collections _collections_abc
    _colorize _compat_pickle _compression _contextvars _crypt _csv _ctypes _ctypes_test _curses
    _curses_panel _datetime _dbm _decimal _distutils_hack _dummy_thread _dummy_threading
    _elementtree _frozen_importlib _frozen_importlib_external _functools _gdbm _hashlib _heapq
    _hmac _hotshot _imp _interpchannels _interpqueues _interpreters _io _ios_support _json _locale
    _lsprof _lzma _markupbase _md5 _msi _multibytecodec _multiprocessing _opcode _opcode_metadata
    _operator _osx_support _overlapped _peg_parser _pickle _posixshmem _posixsubprocess _py_abc
    _py_warnings _pydatetime _pydecimal _pyio _pylong _pyrepl _queue _random _remote_debugging
    _scproxy _sha _sha1 _sha2 _sha256 _sha3 _sha512 _signal _sitebuiltins _socket _sqlite3 _sre
    _ssl _stat _statistics _string _strptime _struct _subprocess _suggestions _symtable _sysconfig
    _sysconfigdata _testbuffer _testcapi _testimportmultiple _testinternalcapi _testmultiphase
    _thread _threading_local _tkinter _tokenize _tracemalloc _types _typing _uuid _warnings
    _weakref _weakrefset _winapi _winreg _wmi _xxsubinterpreters _xxtestfuzz _zoneinfo _zstd abc
    aepack aetools aetypes aifc al annotationlib antigravity anydbm applesingle argparse array ast
    asynchat asyncio asyncore atexit audiodev audioop autoGIL base64 bdb binascii binhex bisect
    bsddb bsddb185 buildtools builtins bundlebuilder bz2 cPickle cProfile cStringIO calendar cd
    cddb cdplayer ce cfmfile cgi cgitb chunk cmath cmd code codecs codeop collections colorsys
    commands compileall compiler compression concurrent configparser contextlib contextvars
    cookielib copy copy_reg copyreg crypt csv ctypes curses dataclasses datetime dbhash dbm
    decimal difflib dircache dis distutils dl doctest dumbdb dumbdbm dummy_thread dummy_threading
    easy_install email encodings ensurepip enum errno exceptions faulthandler fcntl filecmp
    fileinput findertools fl flp fm fnmatch formatter fpformat fractions ftplib functools
    future_builtins gc gdbm genericpath gensuitemodule getopt getpass gettext gl glob gopherlib
    graphlib grp gzip hashlib heapq hmac hotshot html htmlentitydefs htmllib http httplib ic
    icglue icopen idlelib ihooks imageop imaplib imgfile imghdr imp importlib imputil inspect io
    ipaddress itertools jpeg json keyword lib2to3 linecache linuxaudiodev locale logging lzma mac
    macerrors macostools macpath macresource macurl2path mailbox mailcap markupbase marshal math
    md5 mhlib mimetools mimetypes mimify mmap modulefinder mpz msilib msvcrt multifile
    multiprocessing mutex netrc new nis nntplib nt ntpath nturl2path numbers opcode operator
    optparse os os2 os2emxpath ossaudiodev parser pathlib pdb pickle pickletools pip pipes
    pkg_resources pkgutil platform plistlib popen2 poplib posix posixfile posixpath pprint profile
    pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline
    reconvert regex regsub repr reprlib resource rexec rfc822 rgbimg riscos riscosenviron
    riscospath rlcompleter robotparser rotor runpy sched secrets select selectors sets setuptools
    sgi sgmllib sha shelve shlex shutil signal site sitecustomize smtpd smtplib sndhdr socket
    socketserver spwd sqlite3 sre sre_compile sre_constants sre_parse ssl stat statcache
    statistics statvfs string stringold stringprep strop struct subprocess sunau sunaudio
    sunaudiodev sv symbol symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile
    termios test textwrap this thread threading time timeit tkColorChooser tkCommonDialog
    tkFileDialog tkFont tkMessageBox tkSimpleDialog tkinter toaiff token tokenize tomllib torgb
    trace traceback tracemalloc ttk tty turtle turtledemo types typing tzparse unicodedata
    unittest urllib urllib2 urlparse user usercustomize uu uuid venv videoreader warnings wave
    weakref webbrowser wheel whichdb whrandom winreg winsound wsgiref xdrlib xml xmllib xmlrpc
    xmlrpclib xxlimited xxsubtype zipapp zipfile zipimport zlib zoneinfo
    """.split { $0.isWhitespace })
}
