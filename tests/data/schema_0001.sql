BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE clouds (
	report_id INTEGER NOT NULL, 
	png BLOB NOT NULL, 
	CONSTRAINT pk_clouds PRIMARY KEY (report_id), 
	CONSTRAINT fk_clouds_reports FOREIGN KEY(report_id) REFERENCES reports (id)
);
CREATE TABLE drops (
	report_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	step TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	"of" TEXT NOT NULL, 
	CONSTRAINT pk_drops PRIMARY KEY (report_id, position), 
	CONSTRAINT fk_drops_reports FOREIGN KEY(report_id) REFERENCES reports (id)
);
CREATE TABLE items (
	report_id INTEGER NOT NULL, 
	section INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	"group" TEXT NOT NULL, 
	title TEXT NOT NULL, 
	text TEXT NOT NULL, 
	cites JSON NOT NULL, 
	status TEXT NOT NULL, 
	CONSTRAINT pk_items PRIMARY KEY (report_id, section, position), 
	CONSTRAINT fk_items_sections FOREIGN KEY(report_id, section) REFERENCES sections (report_id, position)
);
INSERT INTO "items" VALUES(1,0,0,'','','共收集 2 条帖子。','[]','note');
INSERT INTO "items" VALUES(1,1,0,'','Meridian 3.2 Pro is out','It scores 81.2%.','["x:1"]','extractive');
CREATE TABLE posts (
	topic TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	source TEXT NOT NULL, 
	stream TEXT NOT NULL, 
	day DATE NOT NULL, 
	author TEXT NOT NULL, 
	author_name TEXT NOT NULL, 
	text TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	url TEXT NOT NULL, 
	lang TEXT NOT NULL, 
	metrics JSON NOT NULL, 
	links JSON NOT NULL, 
	CONSTRAINT pk_posts PRIMARY KEY (topic, "key"), 
	CONSTRAINT fk_posts_topics FOREIGN KEY(topic) REFERENCES topics (name)
);
INSERT INTO "posts" VALUES('ai','x:1','x','x_list','2025-12-06','ada','Ada','Meridian 3.2 Pro is out and scores 81.2%.','2025-12-06 09:30:00.000000','https://x.com/ada/status/1','en','{}','[]');
INSERT INTO "posts" VALUES('ai','x:2','x','x_list','2025-12-06','bob','Bob','Kitewick 完成融资。','2025-12-06 09:30:00.000000','https://x.com/bob/status/2','en','{}','[]');
CREATE TABLE reports (
	id INTEGER NOT NULL, 
	topic TEXT NOT NULL, 
	first DATE NOT NULL, 
	last DATE NOT NULL, 
	language TEXT NOT NULL, 
	writer TEXT NOT NULL, 
	counts JSON NOT NULL, 
	sources JSON NOT NULL, 
	cost JSON NOT NULL, 
	posts JSON NOT NULL, 
	wordcounts JSON NOT NULL, 
	created_at DATETIME, 
	CONSTRAINT pk_reports PRIMARY KEY (id), 
	CONSTRAINT fk_reports_topics FOREIGN KEY(topic) REFERENCES topics (name), 
	CONSTRAINT uq_reports UNIQUE (topic, last, first)
);
INSERT INTO "reports" VALUES(1,'ai','2025-12-06','2025-12-06','zh','extractive','{"collected": 2}','[{"name": "x_list", "posts": 2, "ok": true, "note": ""}]','{"calls": 0, "prompt_tokens": 0, "answer_tokens": 0, "usd": 0.0}','{"x:1": {"author": "ada", "url": "https://x.com/ada/status/1", "text": "Meridian 3.2 Pro is out and scores 81.2%.", "created_at": "2025-12-06T09:30:00+00:00"}, "x:2": {"author": "bob", "url": "https://x.com/bob/status/2", "text": "Kitewick 完成融资。", "created_at": "2025-12-06T09:30:00+00:00"}}','{"Meridian": 1}',NULL);
CREATE TABLE sections (
	report_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	title TEXT NOT NULL, 
	CONSTRAINT pk_sections PRIMARY KEY (report_id, position), 
	CONSTRAINT fk_sections_reports FOREIGN KEY(report_id) REFERENCES reports (id)
);
INSERT INTO "sections" VALUES(1,0,'overview','overview');
INSERT INTO "sections" VALUES(1,1,'points','points');
INSERT INTO "sections" VALUES(1,2,'views','views');
INSERT INTO "sections" VALUES(1,3,'events','events');
INSERT INTO "sections" VALUES(1,4,'markets','markets');
INSERT INTO "sections" VALUES(1,5,'ai','ai');
INSERT INTO "sections" VALUES(1,6,'finance','finance');
INSERT INTO "sections" VALUES(1,7,'filtered','filtered');
INSERT INTO "sections" VALUES(1,8,'cloud','cloud');
CREATE TABLE topics (
	name TEXT NOT NULL, 
	title JSON NOT NULL, 
	slug TEXT NOT NULL, 
	CONSTRAINT pk_topics PRIMARY KEY (name)
);
INSERT INTO "topics" VALUES('ai','{"zh": "人工智能", "en": "AI"}','twitter_ai');
CREATE INDEX ix_posts_topic ON posts (topic, day);
COMMIT;
